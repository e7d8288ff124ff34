# frozen_string_literal: true

module Karafka
  module Messages
    # All of a message but its payload.
    # `timestamp` and `received_at` are Times (nil: unknown), `deserializers` answers payload, key and headers (nil: the default ones).
    # rubocop:disable Lint/StructNewOverride -- the names are Karafka's
    Metadata = Struct.new(
      :message, :timestamp, :headers, :key, :offset, :deserializers, :partition, :received_at, :topic, :raw_headers, :raw_key,
      keyword_init: true
    ) do
      # rubocop:enable Lint/StructNewOverride

      include Compat::MetadataNames

      alias_method :create_time, :timestamp
      # Its name in Karafka 1.x.
      alias_method :receive_time, :received_at
    end
  end
end
