# frozen_string_literal: true

require "socket"

# Stands in for an OpenTelemetry collector: takes OTLP over HTTP, and reads the protobuf with a reader of its own, by the numbers of
# fields that opentelemetry-proto 1 has.
class Collector
  Span = Struct.new(:name, :kind, :trace_id, :span_id, :parent, :began_ns, :ended_ns, :attributes, :links, :events, :status, :error,
                    keyword_init: true) do
    def context = [trace_id, span_id]
  end
  Request = Struct.new(:path, :headers, :body, keyword_init: true)

  # Protobuf as it is on the wire: for each message the fields by number, in order.
  module Wire
    module_function

    # @return [Hash{Integer=>Array}] numbers, or bytes
    def fields(bytes)
      found = Hash.new { |_, _| [] }
      at = 0
      while at < bytes.bytesize
        key, at = varint(bytes, at)
        value, at = value(bytes, at, key & 7)
        found[key >> 3] += [value]
      end
      found
    end

    def value(bytes, at, type)
      case type
      when 0 then varint(bytes, at)
      when 1 then [whole(bytes, at, 8).unpack1("Q<"), at + 8]
      when 2
        size, at = varint(bytes, at)
        [whole(bytes, at, size), at + size]
      when 5 then [whole(bytes, at, 4).unpack1("L<"), at + 4]
      else raise "no such type on the wire: #{type}"
      end
    end

    def whole(bytes, at, size)
      part = bytes.byteslice(at, size)
      raise "cut off: #{size} bytes at #{at} of #{bytes.bytesize}" unless part && part.bytesize == size

      part
    end

    def varint(bytes, at)
      shift = number = 0
      loop do
        byte = bytes.getbyte(at) or raise "cut off within a number"
        at += 1
        number |= (byte & 0x7f) << shift
        shift += 7
        return [number, at] if byte < 0x80
      end
    end
  end

  attr_reader :requests

  # @param answers [Array<String>] status lines for the first requests, such as "503 Busy"; then 200
  def initialize(answers: [], body: "")
    @server = TCPServer.new("127.0.0.1", 0)
    @answers = answers
    @body = body
    @requests = []
    @threads = [Thread.new { loop { serve(@server.accept) } }]
    @threads.first.report_on_exception = false
  end

  def endpoint = "http://127.0.0.1:#{@server.addr[1]}"

  def close
    @threads.each(&:kill)
    @server.close
  end

  # @return [Array<Span>] what it has taken, in the order of their begin
  def spans
    taken = @requests.dup.select { |request| request.headers["karafka-answer"].start_with?("2") }
    taken.flat_map { |request| read(request.body) }.sort_by(&:began_ns)
  end

  # @return [Hash{String=>String}] of the process, as the first request says
  def resource
    attributes(Wire.fields(Wire.fields(Wire.fields(@requests.first.body)[1].first)[1].first)[1])
  end

  private

  def serve(socket)
    @threads << Thread.new { converse(socket) }.tap { |thread| thread.report_on_exception = false }
  end

  def converse(socket)
    while (line = socket.gets)
      headers = {}
      while (header = socket.gets.chomp) != ""
        name, value = header.split(": ", 2)
        headers[name.downcase] = value
      end
      body = socket.read(Integer(headers.fetch("content-length")))
      headers["karafka-answer"] = answer = @answers.shift || "200 OK"
      @requests << Request.new(path: line.split[1], headers: headers, body: body)
      socket.write("HTTP/1.1 #{answer}\r\nContent-Length: #{@body.bytesize}\r\n\r\n#{@body}")
    end
  ensure
    socket.close
  end

  def read(body)
    Wire.fields(body)[1].flat_map do |resource|
      Wire.fields(resource)[2].flat_map { |scope| Wire.fields(scope)[2].map { |span| span(Wire.fields(span)) } }
    end
  end

  def span(fields)
    status = Wire.fields(fields[15].first || "")
    Span.new(
      name: fields[5].first, kind: { 4 => :producer, 5 => :consumer }.fetch(fields[6].first), attributes: attributes(fields[9]),
      events: events(fields[11]),
      links: fields[13].map { |link| ids(Wire.fields(link)).values_at(:trace_id, :span_id) },
      status: status[3].first, error: status[2].first&.dup&.force_encoding("UTF-8"), **ids(fields), **times(fields)
    )
  end

  def events(list)
    list.map { |event| Wire.fields(event) }.map { |event| [event[2].first, attributes(event[3])] }
  end

  def ids(fields)
    { trace_id: 1, span_id: 2, parent: 4 }.transform_values { |number| fields[number].first&.unpack1("H*") }
  end

  def times(fields)
    { began_ns: fields[7].first, ended_ns: fields[8].first }
  end

  def attributes(list)
    list.to_h do |pair|
      fields = Wire.fields(pair)
      value = Wire.fields(fields[2].first)
      [fields[1].first, value[1].first || value[3].first]
    end
  end
end
