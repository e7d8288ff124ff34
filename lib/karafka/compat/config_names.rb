# frozen_string_literal: true

module Karafka
  module Compat
    # Settings of Karafka 1.x, 2016 and early 2.x that have another name today, or none.
    module ConfigNames
      # name => today's setting
      RENAMED = { name: :client_id, persistent: :consumer_persistence, batch_mode: :batch_fetching }.freeze

      # name => [nested group, setting]; all of them in milliseconds, as in early 2.x
      NESTED = {
        pause_timeout: %i[pause timeout],
        pause_max_timeout: %i[pause max_timeout],
        pause_with_exponential_backoff: %i[pause with_exponential_backoff]
      }.freeze

      # name => what to do instead
      GONE = {
        redis: "the gem does not talk to Redis; configure Sidekiq itself",
        zookeeper: "clients no longer speak to ZooKeeper; give the brokers in config.kafka.seed_brokers",
        connection_pool: "one producer serves all threads; delete it",
        max_concurrency: "the name is config.concurrency",
        wait_timeout: "the name is config.max_wait_time, in milliseconds",
        fetch_timeout: "the name is config.max_wait_time, in milliseconds",
        params_base_class: "messages hold their metadata themselves; delete it",
        license: "everything is free here, there is no licence to set; delete it",
        internal: "what it holds is internal to another implementation"
      }.freeze

      OTHER = %i[parser inline_mode inline_processing].freeze
      private_constant :RENAMED, :NESTED, :GONE, :OTHER

      RENAMED.each do |old, name|
        define_method(old) { public_send(name) }
        define_method(:"#{old}=") { |value| public_send(:"#{name}=", value) }
      end

      NESTED.each do |old, (group, name)|
        define_method(old) { public_send(group).public_send(name) }
        define_method(:"#{old}=") do |value|
          public_send(group).public_send(:"#{name}=", value)
          # 1.x had no upper limit unless one was set.
          pause.max_timeout = value if old == :pause_timeout && !pause.set?(:max_timeout) && value > pause.max_timeout
        end
      end

      GONE.each do |old, instead|
        refuse = lambda do |*given|
          # It asks for nothing.
          next if !given.empty? && [nil, false, -1].include?(given.first)

          raise Errors::InvalidConfigurationError, "There is no setting `config.#{old}`: #{instead}."
        end
        define_method(old, &refuse)
        define_method(:"#{old}=", &refuse)
      end

      %i[encryption recurring_tasks scheduled_messages].each do |name|
        refuse = ->(*) { raise NotYet.error(:config, name) }
        define_method(name, &refuse)
        define_method(:"#{name}=", &refuse)
      end

      # @param parser [#parse] of 1.x: takes the payload's String
      # @return [void]
      def parser=(parser)
        self.deserializer = Compat::ParserDeserializer.new(Setup::Types::PARSER.check("config.parser", parser))
      end

      # @param inline [Boolean] of 2016: true stands for `backend :inline`, false for `backend :sidekiq`
      # @return [void]
      def inline_mode=(inline)
        self.backend = inline ? :inline : :sidekiq
      end
      alias inline_processing= inline_mode=

      private

      def other_names
        RENAMED.keys + NESTED.keys + OTHER + %i[kafka producer]
      end
    end
  end
end
