# frozen_string_literal: true

module Karafka
  module Messages
    # All of a message but its payload.
    # `timestamp` and `received_at` are Times (nil: unknown), `deserializers` answers payload, key and headers (nil: the default ones).
    Metadata = Struct.new(
      :message, :timestamp, :headers, :key, :offset, :deserializers, :partition, :received_at, :topic, :raw_headers, :raw_key,
      keyword_init: true
    ) do
      alias_method :create_time, :timestamp
    end
  end
end
