# frozen_string_literal: true

module Karafka
  # Where Karafka 1.x had the batch and its messages.
  module Params
    Params = Messages::Message
    ParamsBatch = Messages::Messages
    BatchMetadata = Messages::BatchMetadata

    # What a message is built with by hand, by the names of 1.x.
    class Metadata < Messages::Metadata
      # @param deserializer [#call, nil] of the payload
      # @param is_control_record [Boolean] such messages are not delivered here, so only false makes sense
      # @param fields [Hash{Symbol, String=>Object}] `topic`, `partition`, `offset`, `key`, `headers`, `create_time`, `receive_time`
      def initialize(deserializer: nil, is_control_record: false, **fields)
        raise ArgumentError, "messages with is_control_record: true are Kafka's own and never delivered" if is_control_record

        fields = fields.transform_keys { |name| { create_time: :timestamp, receive_time: :received_at }.fetch(name.to_sym, name.to_sym) }
        fields[:deserializers] ||= Deserializers::Set.new(payload: deserializer, key: nil, headers: nil) if deserializer
        super(**fields)
      end
    end

    # What 1.x built messages with, of those that another library had fetched.
    module Builders
      # One message.
      module Params
        # @param fetched [Object] with value, key, headers, offset, partition, topic and create_time
        # @param topic [Routing::Topic, nil] the route, for its deserializer
        # @return [Messages::Message]
        def self.from_kafka_message(fetched, topic = nil)
          Messages::Message.new(fetched.value, Metadata.from_kafka_message(fetched, topic))
        end
      end

      # A batch.
      module ParamsBatch
        # @param fetched [Array<Object>] as for {Params.from_kafka_message}
        # @param topic [Routing::Topic, nil]
        # @return [Messages::Messages]
        def self.from_kafka_messages(fetched, topic = nil)
          Messages::Messages.new(fetched.map { |message| Params.from_kafka_message(message, topic) })
        end
      end

      # All of a message but its payload.
      module Metadata
        # @param fetched [Object]
        # @param topic [Routing::Topic, nil]
        # @return [Messages::Metadata]
        def self.from_kafka_message(fetched, topic = nil)
          Karafka::Params::Metadata.new(
            topic: topic&.name || fetched.topic, partition: fetched.partition, offset: fetched.offset, key: fetched.key,
            headers: fetched.headers || {}, create_time: fetched.create_time, receive_time: Time.now, deserializer: topic&.deserializer
          )
        end
      end

      # What a batch tells about itself.
      module BatchMetadata
        # @param batch [Object] with topic, partition, messages and highwater_mark_offset
        # @param topic [Routing::Topic, nil]
        # @return [Messages::BatchMetadata]
        def self.from_kafka_batch(batch, topic = nil)
          offsets = batch.messages.map(&:offset)
          Messages::BatchMetadata.new(
            size: offsets.size, first_offset: offsets.first, last_offset: offsets.last, partition: batch.partition,
            topic: topic&.name || batch.topic, high_watermark: batch.highwater_mark_offset, scheduled_at: Time.now, attempt: 1
          )
        end
      end
    end
  end
end
