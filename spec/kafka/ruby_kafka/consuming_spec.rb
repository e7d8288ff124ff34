# frozen_string_literal: true

require_relative "../../spec_helper"
require_relative "../../support/ruby_kafka_app"

RSpec.describe Kafka::Consumer, "on real Kafka" do
  include RubyKafkaApp

  before { 9.times { |number| kafka.deliver_message(number.to_s, topic: topic, partition: number % 3) } }

  it "runs in the caller's thread, commits what was processed, and goes on there" do
    threads = []
    first = consumer
    first.each_message do
      threads << Thread.current
      first.stop if threads.size == 4
    end
    expect(threads.uniq).to eq([Thread.current])
    expect(committed.values.sum).to eq(4)
    expect(consumed(first, 5).size).to eq(5)
    expect(committed).to eq(0 => 3, 1 => 3, 2 => 3)
  end

  it "gives batches of one partition" do
    batches = []
    one = consumer
    one.each_batch(max_wait_time: 0.1, min_bytes: 1) do |batch|
      batches << batch
      one.stop if batches.sum { |given| given.messages.size } == 9
    end
    expect(batches.group_by(&:partition).transform_values { |given| given.flat_map { |batch| batch.messages.map(&:value) } })
      .to eq(0 => %w[0 3 6], 1 => %w[1 4 7], 2 => %w[2 5 8])
    last = batches.last
    expect([last.topic, last.first_offset, last.last_offset, last.highwater_mark_offset, last.offset_lag, last.empty?,
            last.unknown_last_offset?])
      .to eq([topic, last.messages.first.offset, 2, 3, 0, false, false])
  end

  it "ends with ProcessingError where the block raises; what came before is committed, and the message comes again" do
    one = consumer
    seen = []
    expect do
      one.each_message do |message|
        raise "boom" if message.partition == 1 && message.offset == 1

        seen << message
        one.stop if seen.size == 8
      end
    end.to raise_error(Kafka::ProcessingError) { |error|
      expect([error.topic, error.partition, error.offset, error.cause.message]).to eq([topic, 1, 1, "boom"])
    }
    expect(committed.fetch(1)).to eq(1)
    expect(kafka.describe_group(group)).to have_attributes(state: "Empty", members: [])
    rest = consumed(one, 9 - seen.size)
    expect((seen + rest).map(&:value).sort).to eq(%w[0 1 2 3 4 5 6 7 8])
  end

  it "names the offsets of a batch that failed, and commits nothing of it" do
    fails = ->(_batch) { raise "boom" }
    expect { consumer.each_batch(&fails) }.to raise_error(an_instance_of(Kafka::ProcessingError).and(having_attributes(offset: 0..2)))
    expect(committed).to eq({})
  end

  it "commits only what was marked, where that is the caller's affair" do
    one = consumer
    seen = consumed(one, 9, automatically_mark_as_processed: false)
    expect(committed).to eq({})
    count = 0
    one.each_message(automatically_mark_as_processed: false) do |message|
      one.mark_message_as_processed(message) if message.partition == 2 && message.offset < 2
      count += 1
      next unless count == 9

      one.commit_offsets
      one.stop
    end
    expect([seen.size, committed]).to eq([9, { 2 => 2 }])
  end

  it "commits after a number of messages, without waiting for the interval or the end" do
    one = consumer(offset_commit_interval: 0, offset_commit_threshold: 3)
    count = 0
    one.each_message do |message|
      count += 1
      next unless count == 5

      wait_until("a commit") { committed.values.sum >= 3 }
      one.stop if message
    end
    expect(count).to eq(5)
  end

  it "commits in the block, where it is asked to, all that came before" do
    one = consumer(offset_commit_interval: 0)
    before = nil
    count = 0
    one.each_message do
      count += 1
      next unless count == 5

      one.commit_offsets
      before = committed.values.sum
      one.stop
    end
    expect([before, committed.values.sum]).to eq([4, 5])
  end

  it "is left by break: the message that was not done comes again" do
    one = consumer
    first = nil
    one.each_message do |message|
      first = message
      break if first
    end
    expect(consumed(one, 9).map(&:value)).to include(first.value)
  end

  it "moves to an offset, before it runs and while it does" do
    one = consumer
    one.seek(topic, 0, 2)
    back = false
    seen = Hash.new { |found, partition| found[partition] = [] }
    one.each_message do |message|
      seen[message.partition] << message.offset
      if message.partition == 1 && message.offset == 2 && !back
        back = true
        one.seek(topic, 1, 1)
      end
      one.stop if seen.values.sum(&:size) == 9
    end
    expect(seen).to eq(0 => [2], 1 => [0, 1, 2, 1, 2], 2 => [0, 1, 2])
  end

  it "rests a partition until its time is over, while the others go on; that holds for the next run, too" do
    one = consumer
    one.pause(topic, 0, timeout: 1)
    started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    seen = []
    one.each_message do |message|
      seen << [message.partition, Process.clock_gettime(Process::CLOCK_MONOTONIC) - started]
      one.stop if seen.size == 9
    end
    expect(seen.last(3).map(&:first)).to eq([0, 0, 0])
    expect(seen[-3].last).to be > 0.9
  end

  it "rests a partition until it is resumed, from another thread" do
    one = consumer
    one.pause(topic, 0)
    seen = Queue.new
    thread = Thread.new { one.each_message { |message| seen << message.partition } }
    wait_until("the others") { seen.size == 6 }
    expect([one.paused?(topic, 0), Array.new(6) { seen.pop }.include?(0)]).to eq([true, false])
    one.resume(topic, 0)
    expect(Array.new(3) { seen.pop }).to eq([0, 0, 0])
    one.stop
    thread.join
  end

  it "hands batches to interceptors first" do
    changing = lambda do |batch|
      batch.messages = batch.messages.reject { |message| message.value == "4" }
      batch
    end
    expect(consumed(consumer(interceptors: [changing]), 8).map(&:value).sort).to eq(%w[0 1 2 3 5 6 7 8])
  end

  it "tells of what it does in ActiveSupport::Notifications" do
    seen = events(/consumer\.kafka\z/) { consumed(consumer, 9) }
    expect(seen.map(&:name).uniq).to include("join_group.consumer.kafka", "sync_group.consumer.kafka", "leave_group.consumer.kafka",
                                             "start_process_message.consumer.kafka", "process_message.consumer.kafka")
    message = seen.find { |event| event.name == "process_message.consumer.kafka" }
    expect(message.payload).to include(client_id: "spec", group_id: group, topic: topic, offset: 0, offset_lag: 2,
                                       value: an_instance_of(String))
    batches = events(/batch\.consumer\.kafka\z/) do
      consumed(kafka.consumer(group_id: "#{group}-2").tap do |one|
                 one.subscribe(topic)
               end, 9, :each_batch)
    end
    expect(batches.map(&:name).uniq).to contain_exactly("fetch_batch.consumer.kafka", "start_process_batch.consumer.kafka",
                                                        "process_batch.consumer.kafka")
    expect(batches.last.payload).to include(message_count: an_instance_of(Integer), highwater_mark_offset: 3, offset_lag: 0)
  end

  it "begins at the end where it is told so, and follows names that match" do
    late = kafka.consumer(group_id: "#{group}-late")
    late.subscribe(/\A#{topic}\z/, default_offset: :latest)
    seen = Queue.new
    thread = Thread.new { late.each_message { |message| seen << message.value } }
    wait_until("the assignment") { log.string.include?("#{group}-late: assigned") }
    came = false
    sender = Thread.new do
      kafka.deliver_message("new", topic: topic, partition: 0) until came
    end
    expect(seen.pop).to eq("new")
    came = true
    late.stop
    [thread, sender].each(&:join)
  end

  it "shares partitions with other members" do
    members = Array.new(2) { consumer }
    seen = members.map { Queue.new }
    threads = members.zip(seen).map { |member, queue| Thread.new { member.each_message { |message| queue << message.partition } } }
    sender = Thread.new do
      number = 0
      until seen.all? { |queue| queue.size.positive? }
        kafka.deliver_message("more", topic: topic, partition: number % 3)
        number += 1
      end
    end
    sender.join
    members.each(&:stop)
    threads.each(&:join)
    expect(kafka.describe_group(group).state).to eq("Empty")
  end
end
