# frozen_string_literal: true

module WaterDrop
  class Producer
    # Lines of a text, a message each, without a Ruby object for any of them: for programs that send whole files.
    module Lines
      # They cross into the engine in one call, without middleware, and are not in a transaction.
      # @api private
      # @param text [String] whole lines; the last one may lack its end
      # @param common [Hash] what each message has besides its payload
      # @return [Karafka::Native::Delivery]
      # @raise [Errors::MessageInvalidError] nothing was sent
      # @raise [Errors::ProduceError] not taken, from some message on
      def produce_lines_async(text, common)
        common = common.merge(payload: nil)
        result = with_client { |client| client.produce_lines(text, common, @queue_full_timeout).tap { client.keep(self) } }
        return result unless result.is_a?(Array)

        invalid_line!(*result.drop(1)) if result.first == :invalid
        refused(result, Array.new(result[1].size, common), many: false)
      end

      private

      def invalid_line!(index, field, reason)
        raise Errors::MessageInvalidError.new("#{field} #{reason}", field: field, index: index)
      end
    end
  end
end
