# frozen_string_literal: true

require "json"

module Karafka
  module Cli
    # One message as a line of JSON, the same for `karafka consume` and `karafka produce`:
    #   {"topic":"orders","partition":0,"offset":5,"timestamp":1764410400000,"key":"42","headers":{"a":"1"},"payload":"…"}
    # What is no UTF-8 stands in Base64 in `payload_base64` and `key_base64`. A payload that is no String is sent as its JSON.
    module JsonMessage
      NAMES = %w[topic partition offset timestamp key key_base64 headers payload payload_base64].freeze

      class << self
        # @param line [String]
        # @return [Hash{Symbol=>Object}] for a producer
        # @raise [Errors::CommandError]
        def read(line)
          data = parse(line)
          unknown = data.keys - NAMES
          refuse!(line, "it has the unknown field #{unknown.first}; there are #{NAMES.join(", ")}") unless unknown.empty?
          refuse!(line, "it has no payload; null is a tombstone") unless data.key?("payload") || data.key?("payload_base64")

          { topic: data["topic"], partition: data["partition"], timestamp: data["timestamp"], headers: headers(data["headers"], line),
            key: bytes(data, "key", line) }.compact.merge(payload: payload(data, line))
        end

        # @param message [Messages::Message]
        # @param payload [Object] the raw payload, or what a deserializer made of it
        # @return [String] without a line end
        def write(message, payload)
          line = { topic: message.topic, partition: message.partition, offset: message.offset,
                   timestamp: message.timestamp && (message.timestamp.to_r * 1_000).to_i }
          line.merge!(text(:key, message.raw_key), headers: message.raw_headers.to_h { |name, value| [plain(name), plain(value)] })
          line.merge!(payload.is_a?(String) || payload.nil? ? text(:payload, payload) : { payload: payload })
          JSON.generate(line)
        end

        private

        def parse(line)
          data = JSON.parse(line)
          return data if data.is_a?(Hash)

          refuse!(line, "it is no object")
        rescue JSON::ParserError
          refuse!(line, "it is no JSON")
        end

        def refuse!(line, why)
          raise Errors::CommandError, "the line #{line.strip[0, 80].inspect} is no message: #{why}"
        end

        def payload(data, line)
          value = data["payload"]
          return value.is_a?(String) || value.nil? ? value : JSON.generate(value) if data.key?("payload")

          bytes(data, "payload", line)
        end

        def bytes(data, name, line)
          data["#{name}_base64"]&.unpack1("m0") || data[name]
        rescue ArgumentError, NoMethodError
          refuse!(line, "its #{name}_base64 is no Base64")
        end

        def headers(given, line)
          return if given.nil?

          refuse!(line, "its headers are no object") unless given.is_a?(Hash)
          refuse!(line, "a header is an object") if given.values.flatten.any?(Hash)
          given.transform_values { |value| value.is_a?(Array) ? value.map(&:to_s) : value&.to_s }
        end

        def text(name, value)
          return { name => value } if value.nil?

          utf8 = value.dup.force_encoding(Encoding::UTF_8)
          utf8.valid_encoding? ? { name => utf8 } : { "#{name}_base64": [value].pack("m0") }
        end

        def plain(value) = value.is_a?(Array) ? value.map { |one| plain(one) } : value&.dup&.force_encoding(Encoding::UTF_8)&.scrub
      end
    end
  end
end
