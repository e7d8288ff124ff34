# frozen_string_literal: true

module Karafka
  # What a consumer can raise instead of an error, to say what is to happen: {Reject}, {RetryLater}, {Skip}. None of them
  # is reported as an error.
  class Outcome < StandardError
    # @return [Messages::Message, nil] the message it is about; nil: the first unmarked one of the batch
    attr_reader :subject

    # @param reason [String, nil] for logs and for headers of the dead letter
    # @param message [Messages::Message, nil] which message; without it the batch is first delivered again one message at
    #   a time, unless it has only one, so that the right one is met
    # @raise [ArgumentError] message: is none
    def initialize(reason = nil, message: nil)
      unless message.nil? || (message.respond_to?(:offset) && message.respond_to?(:topic) && message.respond_to?(:partition))
        raise ArgumentError, "#{self.class} takes the message that it is about, such as message: message, not #{message.inspect[0, 100]}"
      end

      @subject = message
      super(reason || self.class.name)
    end
  end
end
