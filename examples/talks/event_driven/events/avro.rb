# frozen_string_literal: true

require "json"
require "stringio"

# Avro's binary form of a record with fields of a few types: as much as this example needs, since Debian has no gem for it. An application
# uses the gem avro.
module Avro
  # @param schema [Hash] of a record
  # @param record [Hash{String=>Object}]
  # @return [String] bytes
  def self.encode(schema, record)
    schema.fetch("fields").map { |field| write(field.fetch("type"), record.fetch(field.fetch("name"))) }.join
  end

  # @param schema [Hash] with which it was encoded
  # @param bytes [String]
  # @return [Hash{String=>Object}]
  def self.decode(schema, bytes)
    io = StringIO.new(bytes)
    schema.fetch("fields").to_h { |field| [field.fetch("name"), read(field.fetch("type"), io)] }
  end

  class << self
    private

    def write(type, value)
      case type
      when "long" then write_long(value)
      when "double" then [value].pack("E")
      when "string" then write_long(value.bytesize) + value.b
      end
    end

    def read(type, io)
      case type
      when "long" then read_long(io)
      when "double" then io.read(8).unpack1("E")
      when "string" then io.read(read_long(io)).force_encoding(Encoding::UTF_8)
      end
    end

    # Zigzag, so that small negative numbers are short as well; 7 bits a byte.
    def write_long(number)
      number = (number << 1) ^ (number >> 63)
      bytes = []
      loop do
        bytes << ((number & 0x7f) | (number > 0x7f ? 0x80 : 0))
        number >>= 7
        return bytes.pack("C*") if number.zero?
      end
    end

    def read_long(io)
      number = shift = 0
      loop do
        byte = io.readbyte
        number |= (byte & 0x7f) << shift
        shift += 7
        return (number >> 1) ^ -(number & 1) if byte < 0x80
      end
    end
  end
end
