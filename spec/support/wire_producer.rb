# frozen_string_literal: true

require "support/kafka_wire"

# Produces to the mock cluster over the wire, so that a spec can send what no producer would: header names that are not
# UTF-8, nil everywhere. Checksums are left out; the mock cluster and librdkafka's defaults do not look at them.
class WireProducer < KafkaWire
  # @param rows [Array<Hash{Symbol=>Object}>] :value, :key, :headers (Array of [name, value]), :timestamp (ms)
  # @return [Integer] offset of the first one
  def produce(topic, partition, rows)
    batch = record_batch(rows)
    body = Writer.new.string(nil).int16(-1).int32(30_000).array([topic]) do |w, name|
      w.string(name).array([partition]) { |p, number| p.int32(number).int32(batch.bytesize).append(batch) }
    end
    topics = request(0, 3, body, to: leader(topic, partition)).array do |r|
      [r.string, r.array { |p| [p.int32, p.int16, p.int64, p.int64] }]
    end
    _, code, offset = topics.first.last.first
    check("produce to #{topic}/#{partition}", code) || offset
  end

  # The mock cluster, unlike Kafka, answers only for partitions that it is asked about.
  # @return [Integer, nil] what the group has committed
  def committed_offset(group, topic, partition)
    body = Writer.new.string(group).array([topic]) { |w, name| w.string(name).array([partition]) { |p, number| p.int32(number) } }
    reply = request(9, 3, body, to: coordinator(group))
    reply.int32
    topics = reply.array { |r| [r.string, r.array { |p| [p.int32, p.int64, p.string, p.int16] }] }
    offset = topics.first.last.first[1]
    offset unless offset.negative?
  end

  private

  def leader(topic, partition)
    metadata([topic]).fetch(:topics).fetch(topic).fetch(:partitions).fetch(partition).fetch(:leader)
  end

  def record_batch(rows) # rubocop:disable Metrics/AbcSize -- a list of fields
    now = (Time.now.to_r * 1_000).to_i
    times = rows.map { |row| row[:timestamp] || now }
    records = rows.each_with_index.map { |row, index| record(row, index, times[index] - times.first) }.join
    after_crc = Writer.new.int16(0).int32(rows.size - 1).int64(times.first).int64(times.max)
    after_crc.int64(-1).int16(-1).int32(-1).int32(rows.size).append(records)
    after_length = Writer.new.int32(-1).int8(2).int32(0).append(after_crc.bytes).bytes
    Writer.new.int64(0).int32(after_length.bytesize).append(after_length).bytes
  end

  def record(row, index, time_delta)
    headers = row[:headers] || []
    body = "\0".b + varint(time_delta) + varint(index) + sized(row[:key]) + sized(row[:value]) + varint(headers.size) +
           headers.map { |name, value| sized(name) + sized(value) }.join
    varint(body.bytesize) + body
  end

  def sized(bytes)
    bytes.nil? ? varint(-1) : varint(bytes.bytesize) + bytes.b
  end

  # Zigzag, seven bits a byte.
  def varint(number)
    rest = (number << 1) ^ (number >> 63)
    bytes = +"".b
    while rest > 0x7f
      bytes << ((rest & 0x7f) | 0x80)
      rest >>= 7
    end
    bytes << rest
  end
end
