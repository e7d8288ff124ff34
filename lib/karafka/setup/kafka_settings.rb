# frozen_string_literal: true

module Karafka
  module Setup
    # Settings of librdkafka by its own names (`:"bootstrap.servers"`, Symbols or Strings, kept as Symbols), which also
    # takes the names of Karafka 1.x and 2016 (`seed_brokers`, `session_timeout`, …) and translates them at once.
    class KafkaSettings < Hash
      # Never printed or logged.
      SECRETS = /password|secret|\.pem\b|_cert|_key|token|jaas|sasl\.oauthbearer\.config/
      MASK = "[hidden]"
      private_constant :SECRETS

      # @param name [String, Symbol]
      # @return [Boolean] whether a value of that name must not be shown
      def self.secret?(name)
        name.to_s.match?(SECRETS) && !name.to_s.end_with?("_file_path", ".location")
      end

      # @param settings [Hash{String, Symbol=>Object}]
      # @param label [String] what the user calls these settings, for messages
      # @yieldparam name [Symbol] a setting of ours that a 1.x name stands for
      # @yieldparam value [Object]
      def initialize(settings = {}, label = "config.kafka", &on_setting)
        super(&nil) # a block would become the Hash's default
        @label = label
        @on_setting = on_setting
        @translator = Compat::KafkaNames.new(self, label: label)
        merge!(settings)
      end

      # @return [String]
      attr_reader :label

      # @param key [String, Symbol] librdkafka's name or one of 1.x
      # @param value [Object] nil leaves the setting to librdkafka
      # @return [Object] value
      def []=(key, value)
        Compat::KafkaNames.include?(key) ? legacy(key, value) : super(key.to_sym, value)
      end
      alias store []=

      # @param key [String, Symbol]
      # @return [Object, nil]
      def [](key)
        super(key.to_sym)
      end

      # @param key [String, Symbol]
      # @return [Object]
      def fetch(key, *default, &)
        super(key.to_sym, *default, &)
      end

      # @param key [String, Symbol]
      # @return [Boolean]
      def key?(key)
        super(key.to_sym)
      end
      alias include? key?
      alias has_key? key?
      alias member? key?

      # @param key [String, Symbol]
      # @return [Object, nil]
      def delete(key, &)
        super(key.to_sym, &)
      end

      # @param others [Array<Hash>]
      # @return [self]
      def merge!(*others)
        others.each do |other|
          Setup.invalid!(@label, other, "a Hash such as { \"bootstrap.servers\": \"localhost:9092\" }") unless other.respond_to?(:to_hash)

          other.to_hash.each { |key, value| self[key] = value }
        end
        self
      end
      alias update merge!

      # @param others [Array<Hash>]
      # @return [KafkaSettings]
      def merge(*others)
        dup.merge!(*others)
      end

      # @return [Hash{String=>String}] what librdkafka takes; settings that are nil are left out
      def to_librdkafka
        each_with_object({}) do |(key, value), settings|
          next if value.nil?

          settings[key.to_s] = value.is_a?(Array) ? value.join(",") : value.to_s
        end
      end

      # @return [Hash{Symbol=>Object}] for people: what is secret is hidden
      def to_display
        to_h { |key, value| [key, self.class.secret?(key) ? MASK : value] }
      end

      # @return [String]
      def inspect
        to_display.inspect
      end
      alias to_s inspect

      private

      def initialize_copy(other)
        super
        @translator = @translator.dup_for(self)
      end

      def legacy(name, value)
        @translator.write(name.to_sym, value).each { |setting, converted| @on_setting&.call(setting, converted) }
        value
      end

      def respond_to_missing?(name, include_private = false)
        Compat::KafkaNames.include?(name.to_s.delete_suffix("=")) || super
      end

      def method_missing(name, *args)
        bare = name.to_s.delete_suffix("=")
        return super unless name.end_with?("=") || Compat::KafkaNames.include?(bare)
        return @translator.read(bare.to_sym) if args.empty?
        return legacy(bare, args.first) if Compat::KafkaNames.include?(bare)

        Setup.unknown!("setting", bare, Compat::KafkaNames.names + KafkaContract.names, prefix: "#{@label}.")
      end
    end
  end
end
