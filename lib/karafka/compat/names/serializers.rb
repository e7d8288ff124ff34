# frozen_string_literal: true

module Karafka
  # What makes bytes of data.
  module Serializers
    class << self
      # @param data [Object] what is to be sent
      # @return [Object] of a message or a batch that is passed on, what is in it
      def unwrap(data)
        case data
        when Messages::Message then data.payload
        when Messages::Messages then data.payloads
        else data
        end
      end
    end

    # Where Karafka 2.0 to 2.3 had what reads JSON.
    module JSON
      Deserializer = Deserializers::Payload
    end
  end
end
