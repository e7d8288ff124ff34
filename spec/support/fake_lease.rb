# frozen_string_literal: true

require "json"

# Stands in for Karafka::Native::Lease where a spec is about Ruby only. Records what was settled and marked.
class FakeLease
  attr_reader :kind, :assignment_id, :group_index, :topic_index, :topic, :partition, :attempt, :calls, :marked, :received_at_ms
  attr_accessor :lost, :nack_delay

  def initialize(payloads = [], kind: :consume, first_offset: 0, assignment_id: 1, topic: "orders", partition: 0, attempt: 1, keys: [],
                 headers: [], topic_index: 0, timestamp_ms: 1_700_000_000_123)
    @payloads = payloads
    @kind = kind
    @first_offset = first_offset
    @assignment_id = assignment_id
    @topic = topic.dup.freeze
    @partition = partition
    @attempt = attempt
    @keys = keys
    @headers = headers
    @group_index = 0
    @topic_index = topic_index
    @timestamp_ms = timestamp_ms
    @received_at_ms = timestamp_ms + 5
    @calls = []
    @marked = []
    @nack_delay = 1_000
  end

  def group_id = "app_0"
  def size = @payloads.size
  def bytesize = @payloads.compact.sum(&:bytesize)
  def high_watermark = @first_offset + size
  def offset(index) = @first_offset + index
  def timestamp_ms(_index) = @timestamp_ms
  def raw_payload(index) = @payloads[index]&.dup
  def raw_key(index) = @keys[index]
  def raw_headers(index) = @headers[index] || {}
  def offsets = Array.new(size) { |index| offset(index) }

  def last_by_key
    (0...size).reject { |index| raw_key(index) && (index + 1...size).any? { |later| raw_key(later) == raw_key(index) } }
  end

  def groups_by_key = (0...size).group_by { |index| raw_key(index) }.values
  def raw_payloads = @payloads.map(&:dup)
  def json(index) = JSON.parse(@payloads[index])

  def pluck(paths)
    rows = @payloads.map { |payload| paths.map { |path| JSON.parse(payload).dig(*path) } }
    paths.size == 1 ? rows.map(&:first) : rows
  end

  def ack = settle(:ack, !lost)
  def release = settle(:release, !lost)
  def nack = settle(:nack, lost ? false : nack_delay)
  def retry(delay, alone) = settle(delay.nil? && !alone ? :nack : [:retry, delay, alone], lost ? false : delay || nack_delay)
  def give_up(offset, mark) = settle([:give_up, offset, mark], !lost)
  def settled = @calls.select { |call| %i[ack release nack retry give_up].include?(Array(call).first) }
  def settled? = !settled.empty?
  def unmarked_index = offsets.index(seek_offset)

  def mark(offset)
    return false if lost

    @marked << offset
    true
  end

  def mark_with(offset, metadata) = mark(offset) && !!(@metadata = metadata)
  def store_metadata(metadata) = !lost && !!(@metadata = metadata)
  def committed_metadata = (@metadata.to_s unless lost)
  def spread(keys) = @calls << [:spread, keys]

  def seek_offset = @marked.max ? @marked.max + 1 : @first_offset
  def revoked? = !!lost

  %i[commit_async commit_sync seek seek_time pause resume].each do |name|
    define_method(name) do |*args|
      @calls << (args.empty? ? name : [name, *args])
      !lost
    end
  end

  private

  def settle(how, result)
    raise "settled twice: #{@calls.inspect}, #{how}" unless settled.empty?

    @calls << how
    result
  end
end
