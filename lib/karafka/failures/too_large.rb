# frozen_string_literal: true

module Karafka
  module Failures
    # A copy that no broker takes, however often it is sent: a dead letter is larger than its message by some headers.
    module TooLarge
      class << self
        # @param error [Exception] why a copy could not be sent
        # @return [Boolean]
        def cause?(error)
          until error.nil?
            return true if error.respond_to?(:code) && error.code == :msg_size_too_large
            # The payload is bytes, so this can only be about `max_payload_size`.
            return true if error.is_a?(WaterDrop::Errors::MessageInvalidError) && error.field == :payload

            error = error.cause
          end
          false
        end

        # @param message [Messages::Message]
        # @param target [String] the topic that its copy was to go to
        # @param error [Exception] of the producer
        # @return [Errors::DeadLetterTooLargeError] what happened and what to do, for the log
        def error(message, target, error)
          Errors::DeadLetterTooLargeError.new(
            "#{message.topic}/#{message.partition}@#{message.offset} is too large for #{target} with its headers (#{error.message}). " \
            "Nothing is lost; the partition waits with it and tries again. Let the topic (max.message.bytes) and the producer " \
            "(kafka[\"message.max.bytes\"], max_payload_size) take more, shorten the payload in enhance_dlq_message, or set " \
            "dead_letter_queue too_large: :without_payload"
          )
        end
      end
    end
  end
end
