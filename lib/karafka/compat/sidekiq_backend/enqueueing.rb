# frozen_string_literal: true

module Karafka
  module Compat
    module SidekiqBackend
      # What a consumer of a server does instead of its own `consume`. Callbacks that come before it run here, in the server.
      module Enqueueing
        # What a job gets to know about its batch.
        FIELDS = %i[batch_size first_offset last_offset highwater_mark_offset offset_lag partition topic unknown_last_offset].freeze
        private_constant :FIELDS

        # @return [void]
        # @raise what Sidekiq raises where Redis does not answer: the batch comes again
        def consume
          if @params then karafka_enqueue([@params], nil)
          elsif is_a?(Consumers::Controller) && !karafka_batches? then karafka_enqueue_each
          else
            karafka_enqueue(@messages.to_a, FIELDS.to_h { |name| [name.to_s, @messages.metadata.public_send(name)] })
          end
          # A job cannot mark: it is done with Kafka's part once it is enqueued.
          mark_as_consumed(@params || @messages.last) if topic.manual_offset_management?
        end

        private

        # One job a message, which was the default of 2016.
        def karafka_enqueue_each
          @messages.to_a.each do |message|
            @karafka_message = message
            karafka_enqueue([message], nil)
            mark_as_consumed(message)
          end
        ensure
          @karafka_message = nil
        end

        def karafka_enqueue(batch, metadata)
          return karafka_push(batch, metadata) unless is_a?(Consumers::Controller)

          karafka_unless_aborted { karafka_push(batch, metadata) }
        end

        def karafka_push(batch, metadata)
          route = topic
          Instrumentation::Safely.around("backends.sidekiq.process", { caller: self }) do
            route.worker.perform_async(route.id, route.interchanger.encode(batch), metadata)
          end
        end
      end
    end
  end
end
