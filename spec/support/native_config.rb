# frozen_string_literal: true

# What the engine takes, for specs that make one without routes: it has no defaults of its own.
module NativeConfig
  TOPIC = {
    name: nil, pattern: nil, max_messages: 100, max_bytes: 1_048_576, max_wait_time_ms: 0, eofed: false, pause_timeout_ms: 1_000,
    pause_max_timeout_ms: 30_000, pause_with_exponential_backoff: true, attempts_per_message: false,
    selection: { delay_by_ms: 0, expire_after_ms: nil, only: nil, throttles: [] }, idle_after_ms: nil, long_running_limit_ms: nil,
    priority: 10, assign: nil, on_recreated: "beginning", parallel: nil
  }.freeze

  # @param id [String]
  # @param kafka [Hash{String=>String}]
  # @param topics [Array<Hash{Symbol=>Object}>] what differs
  # @return [Hash{Symbol=>Object}] of an engine with one group
  def one_group(id, kafka, *topics)
    group = { id: id, kafka: kafka, topics: topics.map { |topic| TOPIC.merge(topic) }, recommit_interval_ms: nil,
              skip_new_partitions: false, missing_error_after_ms: nil, multiplexing: nil }
    { revocation_grace_ms: 5_000, stuck_report_ms: nil, max_queued_bytes: nil, throttles: [], groups: [group] }
  end
end
