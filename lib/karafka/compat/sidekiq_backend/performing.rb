# frozen_string_literal: true

module Karafka
  module Compat
    module SidekiqBackend
      # What a consumer has in a job: its route and the batch, which is decoded when it is read, but no partition.
      module Performing
        # @param topic [Routing::Topic]
        # @param batch [Array<Hash>] as the interchanger has encoded it
        # @param metadata [Hash{String=>Object}, nil] nil: of one message, which is `params`
        # @return [BaseConsumer] whose {#karafka_work} does the job
        def self.build(topic, batch, metadata)
          topic.consumer.new.extend(self).tap { |consumer| consumer.karafka_job = [topic, batch, metadata] }
        end

        # @api private
        attr_writer :karafka_job

        # @return [Routing::Topic]
        def topic = @karafka_job[0]

        # @return [Integer]
        def partition = messages.first.partition

        # @return [Messages::Messages]
        def messages
          @messages ||= karafka_decoded
          super
        end

        # @return [Messages::Message]
        def params
          @params ||= messages.first if @karafka_job[2].nil?
          super
        end

        # Sidekiq counts the attempts.
        # @return [Integer]
        def attempt = 1

        # @return [false] a job keeps what it has
        def revoked? = false

        # The offset advanced when the job was enqueued.
        # @return [true]
        %i[mark_as_consumed mark_as_consumed! commit_offsets commit_offsets!].each { |name| define_method(name) { |*, **| true } }

        # Does the work of the consumer.
        # @return [void]
        def karafka_work
          params if @karafka_job[2].nil?
          wrap(:consume) { is_a?(Consumers::Controller) ? karafka_guarded { perform } : consume }
        end

        # @api private
        def karafka_assignment = karafka_in_job!
        # @api private
        def karafka_lease = karafka_in_job!

        private

        def karafka_in_job!
          called = caller_locations(2, 1).first.base_label
          raise Errors::UnsupportedFeatureError.for(
            "`#{called}` of #{self.class} in a job of Sidekiq",
            "The offset advanced when the job was enqueued; use `backend :inline` for it."
          )
        end

        def karafka_decoded
          route, batch, = @karafka_job
          list = route.interchanger.decode(batch).map { |given| karafka_message_of(given, route) }
          Messages::Messages.new(list, karafka_batch_metadata(list))
        end

        def karafka_batch_metadata(list)
          route, _, about = @karafka_job
          first = list.first
          last = list.last
          Messages::BatchMetadata.new(
            size: list.size, first_offset: first&.offset, last_offset: last&.offset, partition: first&.partition, topic: route.name,
            deserializers: route.deserializers, created_at: last&.timestamp, scheduled_at: first&.received_at, processed_at: Time.now,
            high_watermark: about && about["highwater_mark_offset"], attempt: 1
          )
        end

        def karafka_message_of(given, route)
          return given if given.is_a?(Messages::Message)

          fields = given.fetch("metadata")
          metadata = Messages::Metadata.new(
            topic: fields["topic"], partition: fields["partition"], offset: fields["offset"],
            raw_key: fields["key"], raw_headers: fields["headers"] || {}, timestamp: fields["create_time"],
            received_at: fields["receive_time"], deserializers: route.deserializers
          )
          Messages::Message.new(given["raw_payload"], metadata)
        end
      end
    end
  end
end
