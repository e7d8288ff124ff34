# frozen_string_literal: true

module Karafka
  # What makes bytes of data.
  module Serializers
    # Where Karafka 2.0 to 2.3 had what reads JSON.
    module JSON
      Deserializer = Deserializers::Payload
    end
  end
end
