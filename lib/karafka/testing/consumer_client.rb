# frozen_string_literal: true

module Karafka
  module Testing
    # What stands for the connection of a consumer in a test: `consumer.client`. It agrees to everything; a test makes it refuse
    # with `allow(consumer.client).to receive(:mark_as_consumed).and_return(false)`.
    class SpecConsumerClient
      # @!method mark_as_consumed(message, metadata = nil)
      #   @return [true]
      # @!method mark_as_consumed!(message, metadata = nil)
      #   @return [true]
      # @!method commit_offsets
      #   @return [true]
      # @!method commit_offsets!
      #   @return [true]
      # @!method seek(position)
      #   @return [true]
      %i[mark_as_consumed mark_as_consumed! commit_offsets commit_offsets! seek].each { |name| define_method(name) { |*| true } }

      # @return [Boolean] true: the consumer has lost its partition
      def assignment_lost?
        false
      end
    end
  end
end
