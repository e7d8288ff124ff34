# frozen_string_literal: true

module Karafka
  # Makes JSON of messages and messages of JSON, for jobs of `backend :sidekiq`. An application may inherit from it, and change what it
  # gives: Arrays of Hashes with the keys `raw_payload` and `metadata`.
  #
  # @example
  #   class Shrunk < Karafka::Interchanger
  #     def encode(params_batch) = super.each { |params| params["metadata"].delete("headers") }
  #   end
  class Interchanger
    TIMES = %w[create_time receive_time].freeze
    # JSON has text only: bytes that are none become a Hash with this key.
    BYTES = "base64"
    private_constant :TIMES, :BYTES

    # @param params_batch [Enumerable<Messages::Message>]
    # @return [Array<Hash{String=>Object}>] times are seconds, as text
    def encode(params_batch)
      params_batch.map { |params| { "raw_payload" => text(params.raw_payload), "metadata" => metadata(params) } }
    end

    # @param params_batch [Array<Hash{String=>Object}>] as {#encode} has made it
    # @return [Array<Hash{String=>Object}>] with the bytes as they were, and Times
    def decode(params_batch)
      params_batch.map do |params|
        fields = params.fetch("metadata").to_h do |name, value|
          [name, TIMES.include?(name) && value ? Time.at(Rational(value)) : bytes_within(name, value)]
        end
        { "raw_payload" => bytes(params["raw_payload"]), "metadata" => fields }
      end
    end

    private

    def metadata(params)
      {
        "topic" => params.topic, "partition" => params.partition, "offset" => params.offset, "key" => text(params.raw_key),
        "headers" => params.raw_headers.transform_values { |value| value.is_a?(Array) ? value.map { |one| text(one) } : text(value) },
        "create_time" => seconds(params.timestamp), "receive_time" => seconds(params.received_at)
      }
    end

    def bytes_within(name, value)
      return bytes(value) unless name == "headers"

      value.transform_values { |one| one.is_a?(Array) ? one.map { |part| bytes(part) } : bytes(one) }
    end

    def text(value)
      return value if value.nil?

      # Ruby's frozen or foreign encodings say nothing about what JSON can have.
      utf8 = value.encoding == Encoding::UTF_8 ? value : value.dup.force_encoding(Encoding::UTF_8)
      utf8.valid_encoding? ? utf8 : { BYTES => [value].pack("m0") }
    end

    def bytes(value)
      value.is_a?(Hash) ? value.fetch(BYTES).unpack1("m0").force_encoding(Encoding::UTF_8) : value
    end

    # Not Time#to_f, whose last digit may be another one than that of the milliseconds that Kafka has.
    def seconds(time)
      return if time.nil?

      whole, rest = (time.to_r * 1_000).round.divmod(1_000)
      "#{whole}.#{rest.to_s.rjust(3, "0")}"
    end
  end
end
