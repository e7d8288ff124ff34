# frozen_string_literal: true

require "json"

# States of processes as `/v1/state` answers them, for the specs of `karafka top`. What an example says differs from a healthy process
# that has nothing to do.
module ProcessStates
  PLACE = { "class" => "OrdersConsumer", "file" => "app/consumers/orders_consumer.rb", "line" => 31 }.freeze
  AT_MS = 1_800_000_000_000
  PROCESS = { id: "a", host: "app-1", client_id: "shop", pid: 100, state: "running", quiet: false, failure: nil,
              resident_bytes: 70_000_000, queued_bytes: 0, fetched_bytes: 0, ready_partitions: 0, events_unread_ms: 0 }.freeze
  CLIENT = { id: "shop_0", member: "m", generation: 1, lost: false, poll_age_ms: 20, away: false, running: true, closing: nil, trouble: nil,
             missing_topics: [] }.freeze

  module_function

  def state(topics: [], at_ms: AT_MS, process: {}, group: {}, client: {}, **others)
    state = {
      schema_version: 1, at_ms: at_ms, process: { **PROCESS, uptime_ms: 600_000 + at_ms - AT_MS, **process }, versions: {},
      groups: [{ group: "shop", lag: nil, lag_ms: nil, partitions: topics.sum { |topic| topic["partitions"] },
                 clients: [{ **CLIENT, **client }], topics: topics, rebalances: [], errors: [], **group }],
      workers: [idle_worker(0), idle_worker(1)], producers: [], produced: [], errors: {}, **others
    }
    JSON.parse(JSON.generate(state))
  end

  # Sums are made as the engine makes them.
  def topic(name = "orders", partitions = [partition], **others)
    known = partitions.filter_map { |one| one["lag"] }
    paused = partitions.filter_map { |one| one.dig("pause", :reason) }.tally
    { "topic" => name, "partitions" => partitions.size, "lag" => (known.sum if known.any?),
      "lag_ms" => partitions.filter_map { |one| one["lag_ms"] }.max, "lag_unknown" => partitions.count { |one| one["lag"].nil? },
      "rate_in" => 0.0, "rate_out" => 0.0, "paused" => paused, "leases" => 0, "oldest_lease_ms" => nil, "consumed" => 10, "retried" => 0,
      "dead_letters" => 0, "skipped" => 0, "partition_states" => partitions }.merge(others.transform_keys(&:to_s))
  end

  def partition(number = 0, **others)
    { partition: number, state: "open", position: 5, committed: 5, high_watermark: 5, end: 5, lag: 0, lag_ms: 0, attempt: 1, pause: nil,
      leases: [], **others }.transform_keys(&:to_s)
  end

  def lease(age_ms, assignment: 7, kind: "consume", consumer: PLACE)
    { assignment: assignment, kind: kind, age_ms: age_ms, consumer: consumer }
  end

  def idle_worker(number) = { worker: number, state: "idle", age_ms: 4_000, work: nil }

  def busy_worker(number, age_ms = 1_000, assignment: 7, topic: "orders", partition: 0)
    { worker: number, state: "busy", age_ms: age_ms,
      work: { group: "shop", topic: topic, partition: partition, assignment: assignment, kind: "consume", attempt: 1, first_offset: 5,
              messages: 100, consumer: PLACE } }
  end

  # The same process some seconds later.
  def later(seconds = 20) = { at_ms: AT_MS + (seconds * 1_000) }

  def look(before, now) = Karafka::Cli::Top::Look.new(before, now)

  def reading(before, now, name: "app-1:9394")
    Karafka::Cli::Top::Reading.new(name: name, look: look(before, now))
  end
end
