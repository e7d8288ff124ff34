# frozen_string_literal: true

module Karafka
  module Setup
    # Settings of librdkafka by its own names (`:"bootstrap.servers"`, Symbols or Strings, kept as Symbols), which also
    # takes the names of Karafka 1.x and 2016 (`seed_brokers`, `session_timeout`, …) and translates them at once.
    class KafkaSettings < Hash
      include Masked

      # Never printed or logged.
      SECRETS = /password|passphrase|secret|\.pem\b|_cert|_key|token|jaas|sasl\.oauthbearer\.config/
      PUBLIC = /_file_path\z|\.location\z|\.file\z|endpoint\.url\z|client\.id\z/
      MASK = Secret::MASK
      private_constant :SECRETS, :PUBLIC

      # @param name [String, Symbol]
      # @return [Boolean] whether a value of that name must not be shown
      def self.secret?(name)
        name.to_s.match?(SECRETS) && !name.to_s.match?(PUBLIC)
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
      # @raise [Errors::InvalidConfigurationError] the key is no name
      def []=(key, value)
        named!(key)
        if Compat::KafkaNames.include?(key) then legacy(key, value)
        else
          super(key.to_sym, value.instance_of?(String) && self.class.secret?(key) ? Secret.new(value) : value)
        end
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
          Setup.no_hash!(@label, other, "a Hash such as { \"bootstrap.servers\": \"localhost:9092\" }") unless other.respond_to?(:to_hash)

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

      # @return [String] addresses of brokers, as they were written; empty where there are none
      def brokers
        text(Array(self[:"bootstrap.servers"] || self[:"metadata.broker.list"])).scrub.strip
      end

      # @param settings [KafkaSettings] of a place that is nearer, such as a topic
      # @return [KafkaSettings] both; a setting of the nearer place holds, under whichever of its names
      def overridden_by(settings)
        names = settings.keys.map { |key| KafkaContract.main_name(key) }
        dup.delete_if { |key, _| names.include?(KafkaContract.main_name(key)) }.merge!(settings)
      end

      # Of 2016, `kafka.ssl.ca_cert = …`: settings that 1.x calls `ssl_ca_cert` and so on.
      Ssl = Struct.new(:settings) do
        %i[ca_cert client_cert client_cert_key].each do |name|
          define_method(name) { settings.public_send(:"ssl_#{name}") }
          define_method(:"#{name}=") { |value| settings.public_send(:"ssl_#{name}=", value) }
        end
      end
      private_constant :Ssl

      # @return [Ssl]
      def ssl = Ssl.new(self)

      # @return [Hash{String=>String}] what librdkafka takes; settings that are nil are left out
      def to_librdkafka
        each_with_object({}) do |(key, value), settings|
          settings[key.to_s] = text(value) unless value.nil?
        end
      end

      private

      def named!(key)
        return if (key.is_a?(String) && key.valid_encoding?) || key.is_a?(Symbol)

        raise Errors::InvalidConfigurationError, "#{@label} has the key #{key.inspect}, but names of settings are Strings or Symbols."
      end

      def text(value)
        case value
        when Array then value.map { |one| text(one) }.join(",")
        # 5.0 is what arithmetic makes of 5.
        when Float then value.finite? && value == value.floor ? value.to_i.to_s : value.to_s
        else utf8(value.to_s)
        end
      end

      # Bytes that Ruby has no encoding for are UTF-8: a variable of the environment where LANG is not set, or what Base64 has decoded.
      def utf8(text)
        [Encoding::US_ASCII, Encoding::BINARY].include?(text.encoding) ? text.dup.force_encoding(Encoding::UTF_8) : text
      end

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
