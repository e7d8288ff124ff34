# frozen_string_literal: true

module WaterDrop
  # The checks of messages and settings as objects, under WaterDrop's names: `call` takes a Hash and says what is wrong with it
  # instead of raising. The checks themselves are the producer's.
  #
  # @example
  #   WaterDrop::Contracts::Message.new(max_payload_size: 1_000).call(topic: "orders", payload: "{}").success? # => true
  module Contracts
    # What a check has found.
    Result = Karafka::Compat::ContractResult

    # A message, as {Producer} takes it.
    class Message
      # @param max_payload_size [Integer] bytes
      def initialize(max_payload_size: WaterDrop::Config.new.max_payload_size)
        @max_payload_size = max_payload_size
      end

      # @param message [Hash]
      # @return [Result]
      def call(message)
        invalid = Karafka::Native::Producer.check([message], @max_payload_size)
        Result.new(invalid ? { invalid[2] => invalid[3] } : {})
      end
    end

    # A message that deletes what has its key.
    class Tombstone
      # @param message [Hash]
      # @return [Result]
      def call(message)
        problem = Producer::Tombstone.problem(message)
        problem ? Result.new(problem) : Message.new.call(message.merge(payload: nil))
      end
    end

    # The settings of a producer, as {WaterDrop::Config#to_h} has them.
    class Config
      # @param settings [Hash{Symbol=>Object}]
      # @return [Result]
      def call(settings)
        errors = WaterDrop::Config.problems { |name| settings.fetch(name) { WaterDrop::Config.new.public_send(name) } }
        errors[:kafka] = "is missing" if settings[:kafka].nil? || settings[:kafka].empty?
        Result.new(errors)
      end
    end

    # What {Producer#with} takes.
    class Variant
      # @param settings [Hash{Symbol=>Object}] `max_wait_timeout`, `topic_config`, `default`
      # @return [Result]
      def call(settings)
        producer = Producer.new { |config| [config.deliver = false, config.kafka = { "bootstrap.servers": "127.0.0.1:1" }] }
        WaterDrop::Variant.check(producer, **settings)
        Result.new({})
      rescue Errors::VariantInvalidError => e
        Result.new({ (e.message[/\A\w+/] || "variant").to_sym => e.message })
      end
    end

    # What {Producer#transaction_mark_as_consumed} takes.
    class TransactionalOffset
      # @param given [Hash{Symbol=>Object}] `consumer`, `message`, `offset_metadata`
      # @return [Result]
      def call(given)
        errors = {}
        errors[:consumer] = "is not a Karafka consumer" unless given[:consumer].respond_to?(:karafka_lease_of)
        errors[:message] = "is not a Karafka message" unless given[:message].respond_to?(:offset)
        note = given[:offset_metadata]
        errors[:offset_metadata] = "is neither a String nor nil" unless note.nil? || note.is_a?(String)
        Result.new(errors)
      end
    end
  end
end
