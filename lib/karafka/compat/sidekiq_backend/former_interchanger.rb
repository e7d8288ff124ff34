# frozen_string_literal: true

module Karafka
  module Compat
    module SidekiqBackend
      # An interchanger of 2016: `load` and `parse` of the class itself, each with one Hash.
      class FormerInterchanger
        OWN = %w[topic partition offset key].freeze
        private_constant :OWN

        # @param given [Object] instance or class with `encode` and `decode`, or what answers to `load` and `parse`
        # @return [#encode, #decode, nil] nil: neither
        def self.fitting(given)
          return given if given.respond_to?(:encode) && given.respond_to?(:decode)
          return given.new if given.is_a?(Class) && given.method_defined?(:encode) && given.method_defined?(:decode)

          new(given) if given.respond_to?(:load) && given.respond_to?(:parse)
        end

        # @param target [#load, #parse]
        def initialize(target)
          @target = target
        end

        # @param batch [Enumerable<Messages::Message>]
        # @return [Array<Object>]
        def encode(batch)
          batch.map do |message|
            payload = message.payload
            fields = payload.is_a?(Hash) ? payload : { "value" => payload }
            @target.load(OWN.to_h { |name| [name, message.public_send(name)] }.merge(fields))
          end
        end

        # @param batch [Array<Object>]
        # @return [Array<Messages::Message>] whose payload is the Hash
        def decode(batch)
          batch.map do |given|
            fields = @target.parse(given)
            own = OWN.to_h { |name| [name.to_sym, fields[name] || fields[name.to_sym]] }
            payload = ->(_message) { fields }
            deserializers = Deserializers::Set.new(payload: payload, key: nil, headers: nil)
            Messages::Message.new("", Messages::Metadata.new(**own, headers: {}, deserializers: deserializers))
          end
        end
      end
    end
  end
end
