# frozen_string_literal: true

require "support/kafka_wire"

# A member of a consumer group that speaks the protocol itself, as libraries do which are not built on librdkafka, such as ruby-kafka:
# it names its own assignment strategies, sends the first version of their metadata, and assigns for all when it leads. It notes the
# offset of each message, commits what it has noted every few messages, when the group rebalances and when it leaves.
class WireMember < KafkaWire
  NO_ERROR = 0
  # The group is another one by now: it joins again, with the same id or a new one.
  REJOIN = [22, 27].freeze
  UNKNOWN_MEMBER = 25
  MEMBER_ID_REQUIRED = 79
  FETCH_BYTES = 2_000
  COMMIT_EVERY = 20
  REBALANCE_MS = 60_000
  private_constant :NO_ERROR, :REJOIN, :UNKNOWN_MEMBER, :MEMBER_ID_REQUIRED, :FETCH_BYTES, :COMMIT_EVERY, :REBALANCE_MS

  # @return [Array<Array(Integer, Integer)>] partition and offset of each message, in order
  attr_reader :processed
  # @return [Hash{Integer=>Integer}] by partition: what it has committed last
  attr_reader :committed_by_it

  # @param servers [String]
  # @param group [String]
  # @param topic [String]
  # @param strategies [Array<String>] by preference: it can assign by "range", and by any other name in turn
  # @param session_ms [Integer]
  def initialize(servers, group, topic, strategies: %w[roundrobin], session_ms: 10_000)
    super(servers)
    @group = group
    @topic = topic
    @strategies = strategies
    @session_ms = session_ms
    @member = ""
    @processed = []
    @committed_by_it = {}
  end

  # @return [self]
  def start
    @thread = Thread.new { run }
    @thread.report_on_exception = false
    self
  end

  # It commits, and leaves the group.
  # @return [void]
  def stop
    @stopping = true
    @thread.join(60) or raise "a member did not leave within 60 s"
  end

  # It is gone without a word.
  # @return [void]
  def kill
    @thread.kill
    @thread.join(60)
  end

  # @return [Array<Integer>] its partitions
  def assigned = @positions&.keys || []

  # @return [Boolean] whether it still runs; raises what it ended with
  def alive?
    @thread.value unless @thread.alive?
    @thread.alive?
  end

  private

  def run
    until @stopping
      join
      work
      commit
    end
    call(13, 1, Writer.new.string(@group).string(@member))
  end

  def join
    loop do
      code = ask_to_join
      next if code == MEMBER_ID_REQUIRED

      code = synchronize if code == NO_ERROR
      return @positions = beginnings if code == NO_ERROR

      @member = "" if code == UNKNOWN_MEMBER
      check("join #{@group}", code) unless REJOIN.include?(code) || code == UNKNOWN_MEMBER
    end
  end

  def ask_to_join
    metadata = Writer.new.int16(0).array([@topic]) { |w, topic| w.string(topic) }.int32(-1).bytes
    body = Writer.new.string(@group).int32(@session_ms).int32(REBALANCE_MS).string(@member).string("consumer")
    body.array(@strategies) { |w, name| w.string(name).int32(metadata.bytesize).append(metadata) }
    joined(call(11, 2, body))
  end

  def joined(reply)
    code = reply.int16
    @generation = reply.int32
    @strategy = reply.string
    leader = reply.string
    @member = reply.string
    @led = leader == @member ? reply.array { |r| [r.string, topics_of(Reader.new(r.bytes))] }.to_h : {}
    code
  end

  # The first version of the metadata is the beginning of all later ones.
  def topics_of(metadata)
    metadata.int16
    metadata.array(&:string)
  end

  def synchronize
    body = Writer.new.string(@group).int32(@generation).string(@member).array(shares.to_a) do |w, (member, numbers)|
      bytes = Writer.new.int16(0).append(partitions(numbers)).int32(-1).bytes
      w.string(member).int32(bytes.bytesize).append(bytes)
    end
    reply = call(14, 1, body)
    code = reply.int16
    share = reply.bytes
    @share = code.zero? && !share.empty? ? share_in(Reader.new(share)) : []
    code
  end

  # @return [String] as requests have them; a block adds to each
  def partitions(numbers, more = nil)
    Writer.new.array(numbers.empty? ? [] : [@topic]) do |w, topic|
      w.string(topic).array(numbers) { |p, number| more ? more.call(p.int32(number), number) : p.int32(number) }
    end.bytes
  end

  def share_in(assignment)
    assignment.int16
    assignment.array { |r| [r.string, r.array(&:int32)] }.to_h.fetch(@topic, [])
  end

  def shares
    return {} if @led.empty?

    members = @led.select { |_, topics| topics.include?(@topic) }.keys.sort
    numbers = metadata([@topic]).dig(:topics, @topic, :partitions).keys.sort
    taken = members.to_h { |member| [member, []] }
    @strategy == "range" ? in_ranges(numbers, taken) : numbers.each_with_index { |n, index| taken[members[index % members.size]] << n }
    @led.keys.to_h { |member| [member, taken.fetch(member, [])] }
  end

  def in_ranges(numbers, taken)
    least, more = numbers.size.divmod(taken.size)
    taken.each_value.with_index { |share, index| share.concat(numbers.shift(least + (index < more ? 1 : 0))) }
  end

  def beginnings
    return {} if @share.empty?

    body = Writer.new.string(@group).append(partitions(@share))
    reply = request(9, 1, body, to: coordinator(@group))
    offsets = reply.array { |r| [r.string, r.array { |p| [p.int32, p.int64, p.string, p.int16].first(2) }] }.first.last
    offsets.to_h.transform_values { |offset| [offset, 0].max }
  end

  def work
    until @stopping
      code = heartbeat
      @member = "" if code == UNKNOWN_MEMBER
      return if REJOIN.include?(code) || code == UNKNOWN_MEMBER

      check("heartbeat of #{@group}", code)
      fetch
      commit if @noted.to_i >= COMMIT_EVERY
    end
  end

  def heartbeat
    call(12, 1, Writer.new.string(@group).int32(@generation).string(@member)).int16
  end

  # With no partitions it only waits a moment, as the broker would.
  def fetch
    @leader ||= metadata([@topic]).dig(:topics, @topic, :partitions, 0, :leader)
    places = partitions(@positions.keys, ->(p, number) { p.int64(@positions[number]).int32(FETCH_BYTES) })
    reply = request(1, 4, Writer.new.int32(-1).int32(50).int32(1).int32(FETCH_BYTES).int8(0).append(places), to: @leader)
    reply.int32
    reply.array { |r| [r.string, r.array { |p| of_partition(p) }] }.flat_map(&:last).each do |number, code, batches|
      check("fetch #{@topic}/#{number}", code)
      note(number, Reader.new(batches.to_s))
    end
  end

  def of_partition(reply)
    number = reply.int32
    code = reply.int16
    2.times { reply.int64 }
    reply.array { |aborted| 2.times { aborted.int64 } }
    [number, code, reply.bytes]
  end

  # A batch that does not fit comes cut off.
  def note(number, batches)
    while batches.left?
      base = batches.int64
      last = base + batches.bytes.byteslice(11, 4).unpack1("l>")
      (@positions[number]..last).each { |offset| @processed << [number, offset] }
      @noted = @noted.to_i + [last + 1 - @positions[number], 0].max
      @positions[number] = last + 1 if last >= @positions[number]
    end
  rescue EOFError
    nil
  end

  def commit
    @noted = 0
    return if @positions.empty?

    offsets = @positions.dup
    places = partitions(offsets.keys, ->(p, number) { p.int64(offsets[number]).string(nil) })
    body = Writer.new.string(@group).int32(@generation).string(@member).int64(-1).append(places)
    codes = request(8, 2, body, to: coordinator(@group)).array { |r| [r.string, r.array { |p| [p.int32, p.int16].last }] }.flat_map(&:last)
    # A group that rebalances still takes commits of its members.
    @committed_by_it.merge!(offsets) if codes.all?(NO_ERROR)
  end

  # To the coordinator; answers begin with a time to wait.
  def call(api, version, body)
    request(api, version, body, to: coordinator(@group)).tap(&:int32)
  end
end
