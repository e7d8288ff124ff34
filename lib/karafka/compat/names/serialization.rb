# frozen_string_literal: true

module Karafka
  # Where Karafka 1.3 and 1.4 had what reads and writes JSON.
  module Serialization
    # The names alone.
    module Json
      Deserializer = Deserializers::Payload
      Serializer = Serializers::Json::Serializer
    end
  end
end
