# frozen_string_literal: true

# A line of the router, such as
#   2016-09-23T10:00:00+00:00 host heroku router - at=info method=GET path="/posts" host=www.example.org status=200 service=12ms bytes=99
RouterLine = Struct.new(:verb, :path, :status, :service_ms) do
  # @param message [Karafka::Messages::Message] the deserializer of the topic
  # @return [RouterLine, nil] nil: it is about no request
  def self.call(message) = parse(message.raw_payload)

  # @param line [String]
  # @return [RouterLine, nil]
  def self.parse(line)
    pairs = line.scan(/(\w+)=(?:"([^"]*)"|(\S+))/).to_h { |name, quoted, plain| [name, quoted || plain] }
    return unless pairs.key?("path") && pairs.key?("status")

    new(pairs["method"], pairs["path"], pairs["status"].to_i, pairs["service"].to_i)
  end
end
