# frozen_string_literal: true

require "socket"

# Just enough of Kafka's wire protocol for tests to administer a cluster in milliseconds: Kafka's own tools start a
# JVM for each command. Only versions without tagged fields, which Kafka 2.1 to 4.x all answer.
class KafkaWire
  # As a batch has them, in the lowest bits of its attributes.
  COMPRESSIONS = %w[none gzip snappy lz4 zstd].freeze
  FETCH_BYTES = 1_000_000
  private_constant :COMPRESSIONS, :FETCH_BYTES

  # A broker answered with an error code.
  class Error < StandardError
    attr_reader :code

    def initialize(what, code, message = nil)
      @code = code
      super("#{what}: Kafka error #{code}#{" (#{message})" if message}")
    end
  end

  # Collects the fields of a request.
  class Writer
    attr_reader :bytes

    def initialize
      @bytes = +"".b
    end

    def int8(value) = append([value].pack("c"))
    def int16(value) = append([value].pack("s>"))
    def int32(value) = append([value].pack("l>"))
    def int64(value) = append([value].pack("q>"))
    def string(value) = value.nil? ? int16(-1) : int16(value.bytesize).append(value.b)

    def array(items, &block)
      return int32(-1) if items.nil?

      int32(items.size)
      items.each { |item| block.call(self, item) }
      self
    end

    def append(bytes)
      @bytes << bytes
      self
    end
  end

  # Reads the fields of a response in their order.
  class Reader
    def initialize(bytes)
      @bytes = bytes
      @at = 0
    end

    def int8 = take(1).unpack1("c")
    def int16 = take(2).unpack1("s>")
    def int32 = take(4).unpack1("l>")
    def int64 = take(8).unpack1("q>")
    def string = (size = int16).negative? ? nil : take(size).force_encoding("UTF-8")
    def bytes = (size = int32).negative? ? nil : take(size)
    def array(&block) = Array.new([int32, 0].max) { block.call(self) }
    def left? = @at < @bytes.bytesize

    private

    def take(size)
      part = @bytes.byteslice(@at, size)
      raise EOFError, "a response ends in the middle" unless part&.bytesize == size

      @at += size
      part
    end
  end

  # @param servers [String] "host:port,host:port"
  # @param timeout [Numeric] seconds for one request
  def initialize(servers, timeout: 30)
    @servers = servers.split(",").map { |server| server.rpartition(":").values_at(0, 2) }
    @timeout = timeout
  end

  # @return [Hash] { brokers: {id => [host, port]}, controller: Integer, topics: {name => {error:, partitions: {n => {...}}}} }
  def metadata(topics = nil)
    body = Writer.new.array(topics) { |w, name| w.string(name) }.int8(0)
    reply = request(3, 4, body)
    reply.int32
    brokers = reply.array { |r| [r.int32, [r.string, r.int32], r.string].first(2) }.to_h
    reply.string
    { brokers: brokers, controller: reply.int32, topics: reply.array { |r| topic_metadata(r) }.to_h }
  end

  # @param replicas [Array<Integer>, nil] the brokers of its only partition, the leader first, instead of the two numbers
  def create_topic(name, config:, partitions: 1, replication: 1, replicas: nil, timeout_ms: 30_000)
    body = Writer.new.array([name]) do |w, topic|
      w.string(topic).int32(replicas ? -1 : partitions).int16(replicas ? -1 : replication)
      w.array([*([replicas] if replicas)]) { |entry, brokers| entry.int32(0).array(brokers) { |id, broker| id.int32(broker) } }
      w.array(config.to_a) { |entry, (key, value)| entry.string(key.to_s).string(value.to_s) }
    end
    reply = request(19, 2, body.int32(timeout_ms).int8(0))
    reply.int32
    reply.array { |r| [r.string, r.int16, r.string] }.each { |topic, code, text| check("create #{topic}", code, text) }
  end

  def delete_topic(name, timeout_ms: 30_000)
    reply = request(20, 1, Writer.new.array([name]) { |w, topic| w.string(topic) }.int32(timeout_ms))
    reply.int32
    reply.array { |r| [r.string, r.int16] }.each { |topic, code| check("delete #{topic}", code) }
  end

  # @return [Hash{Array(String, Integer)=>Integer}] committed offset by [topic, partition]
  def committed(group)
    reply = request(9, 3, Writer.new.string(group).array(nil), to: coordinator(group))
    reply.int32
    topics = reply.array { |r| [r.string, r.array { |p| [p.int32, p.int64, p.string, p.int16] }] }
    check("offsets of #{group}", reply.int16)
    topics.flat_map { |topic, parts| parts.map { |partition, offset, _, _| [[topic, partition], offset] } }.to_h
  end

  # @return [Hash] { state: "Stable", members: [client ids] } of a group of the classic protocol
  def describe_group(group)
    reply = request(15, 1, Writer.new.array([group]) { |w, id| w.string(id) }, to: coordinator(group))
    reply.int32
    code, state, members = reply.array { |r| group_description(r) }.first
    check("describe #{group}", code)
    { state: state, members: members }
  end

  # @param time [Integer] -2 earliest, -1 latest, else milliseconds
  # @return [Hash{Integer=>Integer}] offset by partition
  def offsets(topic, time)
    partitions = metadata([topic]).fetch(:topics).fetch(topic).fetch(:partitions)
    partitions.keys.group_by { |number| partitions[number][:leader] }
              .map { |leader, numbers| leader_offsets(leader, topic, numbers, time) }.reduce({}, :merge)
  end

  # @return [Array<String>] how each batch of the partition is compressed, as far as one answer goes
  def compressions(topic, partition = 0)
    leader = metadata([topic]).dig(:topics, topic, :partitions, partition, :leader)
    body = Writer.new.int32(-1).int32(1_000).int32(1).int32(FETCH_BYTES).int8(0).array([topic]) do |w, name|
      w.string(name).array([partition]) { |p, number| p.int32(number).int64(0).int32(FETCH_BYTES) }
    end
    reply = request(1, 4, body, to: leader)
    reply.int32
    code, batches = reply.array { |r| [r.string, r.array { |p| fetched(p) }] }.first.last.first
    check("fetch #{topic}", code)
    compressions_in(Reader.new(batches))
  end

  # @return [Integer] the id of the broker
  def coordinator(group)
    reply = request(10, 1, Writer.new.string(group).int8(0))
    reply.int32
    code = reply.int16
    check("coordinator of #{group}", code, reply.string)
    reply.int32
  end

  private

  def topic_metadata(reply)
    code = reply.int16
    name = reply.string
    reply.int8
    partitions = reply.array do |r|
      error = r.int16
      [r.int32, { error: error, leader: r.int32, replicas: r.array(&:int32), isr: r.array(&:int32) }]
    end
    [name, { error: code, partitions: partitions.to_h }]
  end

  def leader_offsets(leader, topic, numbers, time)
    body = Writer.new.int32(-1).array([topic]) do |w, name|
      w.string(name).array(numbers) { |p, number| p.int32(number).int64(time) }
    end
    topics = request(2, 1, body, to: leader).array { |r| [r.string, r.array { |p| [p.int32, p.int16, p.int64, p.int64] }] }
    topics.flat_map(&:last).to_h { |number, code, _, offset| [number, check("offsets of #{topic}", code) || offset] }
  end

  def fetched(reply)
    reply.int32
    code = reply.int16
    2.times { reply.int64 }
    reply.array { |aborted| 2.times { aborted.int64 } }
    [code, reply.bytes]
  end

  def compressions_in(batches)
    found = []
    while batches.left?
      batches.int64
      attributes = batches.bytes.byteslice(9, 2).unpack1("s>")
      found << COMPRESSIONS.fetch(attributes & 7)
    end
    found
  end

  def group_description(reply)
    code = reply.int16
    reply.string
    state = reply.string
    2.times { reply.string }
    [code, state, reply.array { |m| [m.string, m.string, m.string, m.bytes, m.bytes][1] }]
  end

  def check(what, code, message = nil)
    raise Error.new(what, code, message) unless code.zero?
  end

  # @param to [Integer, nil] a broker's id; nil asks the first one that answers
  def request(api, version, body, to: nil)
    servers = to ? [broker(to)] : @servers
    servers.each_with_index do |(host, port), index|
      return exchange(host, Integer(port), api, version, body)
    rescue SystemCallError, IOError
      raise if index == servers.size - 1
    end
  end

  # A broker that was named as leader or coordinator may be gone by now.
  def broker(id)
    metadata.fetch(:brokers).fetch(id) { raise Error.new("broker #{id} is away", 15) }
  end

  def exchange(host, port, api, version, body)
    header = Writer.new.int16(api).int16(version).int32(1).string("karafka-rs-tests")
    frame = header.bytes + body.bytes
    Socket.tcp(host, port, connect_timeout: @timeout) do |socket|
      socket.write([frame.bytesize].pack("l>") + frame)
      size = read(socket, 4).unpack1("l>")
      Reader.new(read(socket, size)).tap(&:int32)
    end
  end

  def read(socket, size)
    bytes = +"".b
    while bytes.bytesize < size
      raise Errno::ETIMEDOUT, "no answer within #{@timeout} s" unless socket.wait_readable(@timeout)

      bytes << socket.readpartial(size - bytes.bytesize)
    end
    bytes
  end
end
