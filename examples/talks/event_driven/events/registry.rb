# frozen_string_literal: true

require "net/http"
require_relative "avro"

# Events as Confluent's tools write them: a zero, the schema's number in the registry, then Avro. Who reads looks the writer's schema up by
# its number, so a field that the writer has added disturbs nobody.
class Registry
  HEADER = "CN" # a byte, four bytes

  def initialize(url = ENV.fetch("REGISTRY_URL", "http://localhost:8081"))
    @url = URI(url)
    @ids = {}
    @schemas = {}
  end

  # @param subject [String]
  # @param schema [Hash]
  # @return [String] bytes for Kafka
  def encode(subject, schema, record)
    id = @ids[[subject, schema]] ||= post("/subjects/#{subject}/versions", schema).fetch("id")
    [0, id].pack(HEADER) + Avro.encode(schema, record)
  end

  # @return [Hash{String=>Object}]
  def decode(bytes)
    zero, id = bytes.unpack(HEADER)
    raise ArgumentError, "these are no bytes of Avro: #{bytes[0, 20].inspect}" unless zero&.zero?

    schema = @schemas[id] ||= JSON.parse(JSON.parse(Net::HTTP.get(@url.merge("/schemas/ids/#{id}"))).fetch("schema"))
    Avro.decode(schema, bytes.byteslice(5..))
  end

  private

  def post(path, schema)
    answer = Net::HTTP.post(@url.merge(path), JSON.generate(schema: JSON.generate(schema)), "Content-Type" => "application/json")
    answer.value # raises where it is no success
    JSON.parse(answer.body)
  end
end
