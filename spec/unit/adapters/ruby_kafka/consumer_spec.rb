# frozen_string_literal: true

require "active_support"
require "active_support/notifications"
require "karafka/compat/ruby-kafka"

RSpec.describe Kafka::Consumer do
  let(:kafka) { Kafka.new("127.0.0.1:9", client_id: "spec") }

  def settings(consumer, subscriptions = [Kafka::Session::Subscription.new("t", :earliest, 1_048_576)], **fetching)
    fetching = Kafka::Session::Fetching.new(min_bytes: 1, max_bytes: 10_485_760, max_wait_time: 1, batches: false, **fetching)
    session = Kafka::Session.allocate
    { settings: consumer.instance_variable_get(:@settings), options: consumer.instance_variable_get(:@options), fetching: fetching }
      .each { |name, value| session.instance_variable_set(:"@#{name}", value) }
    session.send(:config, subscriptions)
  end

  it "has ruby-kafka's defaults in librdkafka's units" do
    kafka_settings = settings(kafka.consumer(group_id: "g"))[:groups].first[:kafka]
    expect(kafka_settings.slice("group.id", "session.timeout.ms", "auto.commit.interval.ms", "max.poll.interval.ms",
                                "partition.assignment.strategy", "auto.offset.reset"))
      .to eq("group.id" => "g", "session.timeout.ms" => "30000", "auto.commit.interval.ms" => "10000", "max.poll.interval.ms" => "60000",
             "partition.assignment.strategy" => "roundrobin", "auto.offset.reset" => "earliest")
  end

  it "takes each of its options" do
    consumer = kafka.consumer(group_id: "g", session_timeout: 45, offset_commit_interval: 0, heartbeat_interval: 3,
                              rebalance_timeout: 90,
                              assignment_strategy: :range, refresh_topic_interval: 7, fetcher_max_queue_size: 10,
                              offset_commit_threshold: 5)
    given = settings(consumer, min_bytes: 100, max_wait_time: 2)[:groups].first[:kafka]
    expect(given.values_at("session.timeout.ms", "auto.commit.interval.ms", "heartbeat.interval.ms", "max.poll.interval.ms",
                           "partition.assignment.strategy", "topic.metadata.refresh.interval.ms", "fetch.min.bytes", "fetch.wait.max.ms"))
      .to eq(%w[45000 0 3000 90000 range 7000 100 2000])
  end

  it "begins each topic where its subscription says, with a client for each of both" do
    subscriptions = [["a", :earliest], [/^b/, :latest], ["c", :earliest]].map do |topic, offset|
      Kafka::Session::Subscription.new(topic, offset, 99)
    end
    groups = settings(kafka.consumer(group_id: "g"), subscriptions)[:groups]
    expect(groups.map { |group| [group[:kafka]["auto.offset.reset"], group[:topics].map { |topic| topic[:name] || topic[:pattern] }] })
      .to eq([["earliest", %w[a c]], ["latest", ["^b"]]])
    expect(groups.first[:topics].first[:max_bytes]).to eq(99)
  end

  it "takes max_bytes_per_partition for batches and for answers of brokers" do
    consumer = kafka.consumer(group_id: "g")
    consumer.subscribe("t", max_bytes_per_partition: 8_000_000)
    group = settings(consumer, consumer.instance_variable_get(:@subscriptions), batches: true)[:groups].first
    expect([group[:topics].first[:max_bytes], group[:kafka]["max.partition.fetch.bytes"]]).to eq([8_000_000, "8000000"])
  end

  it "refuses what cannot work, with what is allowed" do
    consumer = kafka.consumer(group_id: "g")
    expect { kafka.consumer(group_id: "") }.to raise_error(ArgumentError, /group_id is ""/)
    expect { kafka.consumer(group_id: "g", assignment_strategy: Object.new) }
      .to raise_error(ArgumentError, /must be one of range, roundrobin, cooperative-sticky/)
    expect { consumer.subscribe("t", default_offset: :middle) }.to raise_error(ArgumentError, /:earliest or :latest/)
    expect { consumer.each_message { nil } }.to raise_error(ArgumentError, "there is nothing to consume: call subscribe first")
    expect { consumer.each_message }.to raise_error(ArgumentError, "each_message needs a block")
    expect { consumer.each_batch }.to raise_error(ArgumentError, "each_batch needs a block")
    expect { consumer.pause("t", 0, exponential_backoff: true) }.to raise_error(ArgumentError, /needs a timeout/)
  end

  it "refuses what is no number, by its name" do
    { session_timeout: "30", rebalance_timeout: -1, offset_commit_interval: "1", offset_commit_threshold: "10", heartbeat_interval: :a,
      refresh_topic_interval: "1" }.each do |name, value|
      expect { kafka.consumer(group_id: "g", name => value) }
        .to raise_error(ArgumentError, "#{name} is #{value.inspect}, but must be a number, 0 or above")
    end
    consumer = kafka.consumer(group_id: "g")
    expect { consumer.subscribe("t", max_bytes_per_partition: "1") }.to raise_error(ArgumentError, /max_bytes_per_partition is "1"/)
    expect { consumer.each_message(min_bytes: "1") { nil } }.to raise_error(ArgumentError, /min_bytes is "1"/)
    expect { consumer.each_batch(max_wait_time: "1") { nil } }.to raise_error(ArgumentError, /max_wait_time is "1"/)
    expect { kafka.producer(max_buffer_size: "10") }.to raise_error(ArgumentError, /max_buffer_size is "10"/)
    expect { kafka.async_producer(max_buffer_size: "10") }.to raise_error(ArgumentError, /max_buffer_size is "10"/)
    expect { Kafka.new("127.0.0.1:9", socket_timeout: "5") }.to raise_error(ArgumentError, /socket_timeout is "5"/)
  end

  it "takes ruby-kafka's own strategy" do
    given = settings(kafka.consumer(group_id: "g", assignment_strategy: Kafka::RoundRobinAssignmentStrategy.new))
    expect(Kafka::RoundRobinAssignmentStrategy.new.protocol_name).to eq("roundrobin")
    expect(given[:groups].first[:kafka]["partition.assignment.strategy"]).to eq("roundrobin")
  end

  it "keeps pauses of partitions that have not come yet" do
    consumer = kafka.consumer(group_id: "g")
    consumer.pause("t", 0, timeout: 10)
    consumer.pause(:t, 1)
    expect([consumer.paused?("t", 0), consumer.paused?("t", 1), consumer.paused?("t", 2)]).to eq([true, true, false])
    consumer.resume("t", 1)
    expect(consumer.paused?("t", 1)).to be(false)
  end

  it "answers before it runs, and has nothing to do for heartbeats" do
    consumer = kafka.consumer(group_id: "g")
    consumer.seek("t", 0, 5)
    expect([consumer.stop, consumer.commit_offsets, consumer.trigger_heartbeat, consumer.trigger_heartbeat!]).to eq([nil] * 4)
  end

  it "tells its events seek.consumer and heartbeat.consumer, also of ruby-kafka's older names" do
    seen = []
    subscriber = ActiveSupport::Notifications.subscribe(/consumer\.kafka\z/) { |name, *, payload| seen << [name, payload[:offset]] }
    consumer = kafka.consumer(group_id: "g")
    consumer.seek("t", 0, 5)
    consumer.trigger_heartbeat
    consumer.send_heartbeat
    consumer.send_heartbeat_if_necessary
    expect(seen).to eq([["seek.consumer.kafka", 5], *([["heartbeat.consumer.kafka", nil]] * 3)])
  ensure
    ActiveSupport::Notifications.unsubscribe(subscriber)
  end

  it "ends with ConnectionError where no broker can be reached", deadline: 60 do
    consumer = kafka.consumer(group_id: "g")
    consumer.subscribe("t")
    expect { consumer.each_message { nil } }.to raise_error(Kafka::ConnectionError, /\Aall brokers are down: .*Is Kafka running/)
  end
end
