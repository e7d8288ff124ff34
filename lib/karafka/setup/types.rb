# frozen_string_literal: true

module Karafka
  module Setup
    # The types that settings and routes share.
    module Types
      KAFKA = Type.new("a Hash", secret: true, convert: lambda { |value|
        value.respond_to?(:to_hash) ? KafkaSettings.new(value, "config.admin.kafka") : value
      }) { |value| value.is_a?(KafkaSettings) }
      BOOLEAN = Type.new("true or false") { |value| [true, false].include?(value) }
      # What the engine and the clock can hold without overflow; far beyond what makes sense.
      MOST = (2**31) - 1
      IN_RANGE = ->(least) { ->(value) { value.is_a?(Integer) && value.between?(least, MOST) } }
      private_constant :IN_RANGE
      COUNT = Type.new("an Integer of at least 1, below 2**31", &IN_RANGE[1])
      # Each one is a thread.
      THREADS = Type.new("an Integer from 1 to 1000") { |value| value.is_a?(Integer) && value.between?(1, 1_000) }
      NATURAL = Type.new("an Integer of at least 0, below 2**31", &IN_RANGE[0])
      # What Ruby knows; it takes others and rounds them.
      THREAD_PRIORITY = Type.new("an Integer from -3 to 3") { |value| value.is_a?(Integer) && value.between?(-3, 3) }
      MILLISECONDS = Type.new("an Integer of at least 0, in milliseconds, below 2**31", &IN_RANGE[0])
      DELAY = Type.new("an Integer of at least 1, in milliseconds, below 2**31", &IN_RANGE[1])
      # false switches something off.
      OPTIONAL_DELAY = Type.new("an Integer of at least 1, in milliseconds, below 2**31, or false") do |value|
        value == false || IN_RANGE[1][value]
      end
      OPTIONAL_COUNT = Type.new("an Integer of at least 1, below 2**31, or false") { |value| value == false || IN_RANGE[1][value] }
      LIMIT = Type.new("an Integer of at least 1, in milliseconds, below 2**31, false for no limit, or nil for " \
                       "\"max.poll.interval.ms\"") { |value| value.nil? || value == false || IN_RANGE[1][value] }
      # A terabyte; a number of bytes is refused.
      MEGABYTES = Type.new("an Integer from 1 to 1048576, in MB") { |value| value.is_a?(Integer) && value.between?(1, 1_048_576) }
      PRIORITY = Type.new("an Integer from 1 to 1000") { |value| value.is_a?(Integer) && value.between?(1, 1_000) }
      DELAYS = Type.new("an Array of Integers of at least 1, in milliseconds, and not empty") do |value|
        value.is_a?(Array) && value.any? && value.all?(&IN_RANGE[1])
      end
      SHUTDOWN = Type.new("in milliseconds: an Integer of at least 1000, or -1 to wait forever (a value in seconds, as of Karafka " \
                          "1.x, has to be multiplied by 1000)") { |value| value == -1 || IN_RANGE[1_000][value] }
      # Kafka's own rule for topics, which we apply to groups and clients as well: it keeps metrics and logs readable.
      NAME = Type.new("1 to 249 letters, digits, dots, dashes or underscores", convert: ->(value) { Types.text(value) }) do |value|
        value.is_a?(String) && value.valid_encoding? && value.match?(/\A[A-Za-z0-9._-]{1,249}\z/) && !%w[. ..].include?(value)
      end
      OFFSET = Type.new('"earliest" or "latest"', convert: ->(value) { Types.text(value) }) do |value|
        %w[earliest latest].include?(value)
      end
      FILE = Type.new("the path of a file", convert: ->(value) { value.respond_to?(:to_path) ? value.to_path : value }) do |value|
        value.is_a?(String) && !value.empty? && value.valid_encoding? && !value.include?("\0")
      end
      # 0: any that is free.
      PORT = Type.new("an Integer from 0 to 65535") { |value| value.is_a?(Integer) && value.between?(0, 65_535) }
      NAMES_HOST = ->(value) { value.is_a?(String) && value.match?(/\A[A-Za-z0-9.:_-]{1,255}\z/) }
      private_constant :NAMES_HOST
      ADDRESS = Type.new("a name or an address of this machine, such as \"127.0.0.1\" or \"0.0.0.0\"", &NAMES_HOST)
      HOST = Type.new("a name or an address, such as \"127.0.0.1\"", &NAMES_HOST)
      REMOTE_PORT = Type.new("an Integer from 1 to 65535") { |value| value.is_a?(Integer) && value.between?(1, 65_535) }
      PREFIX = Type.new("a String of letters, digits, dots, dashes and underscores, which may be empty") do |value|
        value.is_a?(String) && value.match?(/\A[A-Za-z0-9._-]{0,200}\z/)
      end
      TAGS = Type.new("an Array of Strings such as \"env:production\", without commas, bars and line breaks") do |value|
        value.is_a?(Array) && value.all? { |tag| tag.is_a?(String) && tag.match?(/\A[^,|#\r\n]{1,200}\z/) }
      end
      REGISTRY = Type.new("something that answers to call with text in Prometheus' format, or a registry of the gem " \
                          "prometheus-client") do |value|
        value.respond_to?(:call) || (value.respond_to?(:metrics) && defined?(::Prometheus::Client::Formats::Text))
      end
      # What an HTTP header can have.
      HIDDEN = ->(value) { value.instance_of?(String) ? Secret.new(value).freeze : value }
      private_constant :HIDDEN
      TOKEN = Type.new("8 to 1024 printable ASCII characters without spaces", secret: true, convert: HIDDEN) do |value|
        value.is_a?(String) && value.match?(/\A[!-~]{8,1024}\z/)
      end
      # Headers of HTTP, such as an API key.
      SECRETS = ->(value) { value.respond_to?(:to_hash) ? value.to_hash.to_h { |name, text| [name.to_s, HIDDEN[text]] }.freeze : value }
      private_constant :SECRETS
      HEADERS = Type.new("a Hash of names and values of HTTP headers, printable ASCII", secret: true, convert: SECRETS) do |value|
        value.is_a?(Hash) && value.all? do |name, text|
          name.match?(/\A[A-Za-z0-9_-]{1,64}\z/) && text.is_a?(String) && text.match?(/\A[ -~]{1,4096}\z/)
        end
      end
      COLLECTOR = Type.new("the URL of a collector that takes OTLP over HTTP, such as \"http://127.0.0.1:4318\" (without TLS: for a " \
                           "collector that needs it run another one, or a proxy, beside the process)") do |value|
        value.is_a?(String) && value.match?(%r{\Ahttp://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/[!-~&&[^?#]]*)?\z})
      end
      TEXT = Type.new("a String that is not empty") { |value| value.is_a?(String) && !value.empty? && value.valid_encoding? }
      SHARE = Type.new("a number from 0 to 1") { |value| value.is_a?(Numeric) && value.real? && value >= 0 && value <= 1 }
      LOGGER = Type.new("a Logger: something with debug, info, warn and error") do |value|
        %i[debug info warn error].all? { |level| value.respond_to?(level) }
      end
      MONITOR = Type.new("a monitor: something with instrument and subscribe") do |value|
        value.respond_to?(:instrument) && value.respond_to?(:subscribe)
      end
      TOKENS = Type.new("something that answers to on_oauthbearer_token_refresh(event)") do |value|
        value.respond_to?(:on_oauthbearer_token_refresh)
      end
      PRODUCER = Type.new("a WaterDrop::Producer") { |value| value.respond_to?(:produce_async) && value.respond_to?(:close) }
      CALLABLE = Type.new("something that answers to call") { |value| value.respond_to?(:call) }
      DESERIALIZER = Type.new("something that answers to call(message)") { |value| value.respond_to?(:call) }
      JOB_DESERIALIZER = Type.new("something that answers to serialize(job) and deserialize(message)") do |value|
        value.respond_to?(:serialize) && value.respond_to?(:deserialize)
      end
      # Up to 1.2 that was a parser's `generate`.
      SERIALIZER = Type.new(
        "something that answers to call(data), or to generate(data)",
        convert: ->(value) { !value.respond_to?(:call) && value.respond_to?(:generate) ? value.method(:generate) : value }
      ) { |value| value.respond_to?(:call) }
      PARSER = Type.new("something that answers to parse(string)") { |value| value.respond_to?(:parse) }
      TOPIC_MAPPER = Type.new("something that answers to incoming(topic) and outgoing(topic)") do |value|
        value.respond_to?(:incoming) && value.respond_to?(:outgoing)
      end

      # @param names [Array<Symbol>] at least two
      # @return [Type] one of them, as Symbol or String
      def self.one_of(*names)
        *most, last = names.map(&:inspect)
        Type.new("#{most.join(", ")} or #{last}", convert: ->(value) { symbol(value) }) { |value| names.include?(value) }
      end

      # @param value [Object]
      # @return [Object] a String as Symbol, where there is one of it; anything else as it is
      def self.symbol(value)
        value.is_a?(String) && value.valid_encoding? ? value.to_sym : value
      end

      # @param type [Type]
      # @return [Type] the same, or nil
      def self.optional(type)
        Type.new("#{type.description}, or nil", convert: ->(value) { value.nil? ? nil : type.convert(value) }) do |value|
          value.nil? || type.allowed?(value)
        end
      end

      # @param type [Type] of a secret
      # @return [Type] the same, or nil; a wrong value is not shown
      def self.optional_secret(type)
        Type.new("#{type.description}, or nil", secret: true, convert: ->(value) { type.convert(value) }) do |value|
          value.nil? || type.allowed?(value)
        end
      end

      # @param value [Object]
      # @return [Object] a Symbol as String, anything else as it is
      def self.text(value)
        value.is_a?(Symbol) ? value.to_s : value
      end

      # The settings that the application has and each place in the routes may have for itself ({Config}, {Routing::Layer}).
      ROUTED = {
        max_messages: COUNT,
        max_bytes: COUNT,
        max_wait_time: MILLISECONDS,
        initial_offset: OFFSET,
        new_partitions: OFFSET,
        on_topic_recreated: one_of(:beginning, :end, :error),
        consumer_persistence: BOOLEAN,
        manual_offset_management: BOOLEAN,
        batch_consuming: BOOLEAN,
        batch_fetching: BOOLEAN,
        backend: one_of(:inline, :sidekiq),
        pause_timeout: DELAY,
        pause_max_timeout: DELAY,
        pause_with_exponential_backoff: BOOLEAN,
        priority: PRIORITY,
        idle_after: DELAY,
        long_running_limit: LIMIT
      }.freeze
    end
  end
end
