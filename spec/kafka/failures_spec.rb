# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"
require_relative "../support/server_process"
require_relative "../support/topic_reader"

# What becomes of messages that cannot be processed.
RSpec.describe "failures on real Kafka", deadline: 300 do
  include RealKafka

  let(:seen) { Queue.new }
  let(:topic) { cluster.create_topic }
  let(:dead) { cluster.create_topic }

  after do
    @server&.close
    @reader&.close
    stop_application
  end

  def reader(*topics) = @reader ||= TopicReader.new(cluster.bootstrap_servers, *topics)

  def queue(**options) = { dead_letter_queue: { topic: dead, **options } }

  it "a dead letter has the bytes of the message, whatever they are" do
    bytes = "\xFF\xFE\x00{".b
    producer.produce_many_sync([
                                 { topic: topic, payload: bytes, key: bytes, headers: { "bin" => bytes, "two" => ["a", "b", nil] } },
                                 { topic: topic, payload: nil, key: nil },
                                 { topic: topic, payload: "", key: "" }
                               ])
    consume(topic, settings: queue(max_retries: 0)) { messages.each { |message| raise("no: #{bytes}") if message } }
    rows = reader(dead).wait_for(3)
    expect(rows.map { |row| [row.payload&.b, row.key&.b] }).to eq([[bytes, bytes], [nil, nil], ["", ""]])
    expect(rows[0].headers["bin"].b).to eq(bytes)
    expect(rows[0].headers["two"]).to eq(["a", "b", nil])
    expect(rows.map { |row| row.headers.values_at("source_topic", "source_partition", "source_offset", "source_consumer_group") })
      .to eq([0, 1, 2].map { |offset| [topic, "0", offset.to_s, group] })
    wait_until("the commit") { committed(topic) == 3 }
  end

  it "what cannot be decoded goes there at once, alone, and the others are processed" do
    producer.produce_many_sync((0...50).map { |number| { topic: topic, payload: number == 33 ? "{" : number.to_s } })
    seen = self.seen
    consume(topic, settings: queue.merge(on_deserialization_error: :dead_letter)) { seen.push(*messages.payloads) }
    wait_until("the commit") { committed(topic) == 50 }
    expect(drain(seen).uniq.sort).to eq((0...50).to_a - [33])
    expect(reader(dead).wait_for(1).map { |row| row.headers["source_offset"] }).to eq(["33"])
  end

  it "retry topics hold up nothing, keep their delays, and end in the dead letter queue" do
    [1, 2].each { |stage| cluster.create_topic("#{topic}-orders.retry.#{stage}") }
    name = cluster.create_topic("#{topic}-orders")
    producer.produce_many_sync((0...10).map { |number| { topic: name, payload: number.to_s, headers: { "own" => "x" } } })
    seen = self.seen
    consume(name, settings: queue.merge(retry_topics: { delays: [5_000, 1_000] })) do
      messages.each do |message|
        seen << [message.topic, message.payload, attempt, Process.clock_gettime(Process::CLOCK_MONOTONIC)]
        raise "no" if message.payload == 4

        mark_as_consumed(message)
      end
    end
    row = reader(dead).wait_for(1).first
    calls = drain(seen)
    fours = calls.select { |call| call[1] == 4 }.group_by(&:first)
    expect(fours.keys).to eq([name, "#{name}.retry.1", "#{name}.retry.2"])
    expect(fours.values.map { |stage| stage.first[2] }).to eq([1, 2, 3])
    at = fours.values.map { |stage| stage.map(&:last) }
    expect(at[1].first - at[0].last).to be_between(4.9, Wait::LONG)
    expect(at[2].first - at[1].last).to be_between(0.9, Wait::LONG)
    expect(calls.select { |call| call[0] == name }.map { |call| call[1] }.uniq.sort).to eq((0..9).to_a)
    expect(calls.reverse.find { |call| call[1] == 9 }.last).to be < at[1].first
    expect(row.headers).to include("own" => "x", "source_topic" => name, "source_offset" => "4", "source_reason" => "error")
    expect(row.headers["source_attempts"].to_i).to be >= 3
    expect(row.headers).not_to have_key("retry_due_at")
    wait_until("the commits") { committed(name) == 10 && committed("#{name}.retry.1") == 1 && committed("#{name}.retry.2") == 1 }
  end

  # Kills itself with SIGKILL once the broker has the copy, before the message is marked.
  def boot(target)
    <<~RUBY
      require "delegate"
      class Deadly < SimpleDelegator
        def produce_async(message)
          handle = super
          handle.wait
          Process.kill(:KILL, Process.pid) if File.write("#{@marker}", "x", mode: File::WRONLY | File::CREAT | File::EXCL)
          handle
        rescue Errno::EEXIST
          handle
        end
      end
      class OrdersConsumer < Karafka::BaseConsumer
        def producer = @producer ||= Deadly.new(super)
        def consume
          messages.each do |message|
            raise "five" if message.payload == 5 && topic.name == "#{topic}"
            File.write(ENV["APP_OUTPUT"], "\#{message.payload}\\n", mode: "a")
            mark_as_consumed(message)
          end
        end
      end
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "#{cluster.bootstrap_servers}", "auto.commit.interval.ms": 100, "session.timeout.ms": 6000 }
        config.group_id = "#{group}"
        config.pause.timeout = 50
      end
      Karafka::App.routes.draw { topic("#{topic}") { consumer(OrdersConsumer); #{target} } }
    RUBY
  end

  {
    "to the dead letter queue" => ->(spec) { "dead_letter_queue topic: \"#{spec.dead}\", max_retries: 0" },
    "to a retry topic" => ->(spec) { "dead_letter_queue topic: \"#{spec.dead}\"; retry_topics delays: [100]" }
  }.each do |where, target|
    it "a SIGKILL between sending #{where} and marking loses nothing" do
      @marker = File.join(Dir.mktmpdir, "killed")
      stage = cluster.create_topic("#{topic}.retry.1")
      producer.produce_many_sync((0...10).map { |number| { topic: topic, payload: number.to_s } })
      text = boot(target.call(self))
      @server = ServerProcess.new(text).start
      expect(@server.wait).to eq(-9)
      expect(committed(topic).to_i).to be <= 5
      first = @server.output.map(&:to_i)
      @server.close
      @server = ServerProcess.new(text).start
      wait_until("the rest") { committed(topic) == 10 }
      target = where.include?("retry") ? stage : dead
      copies = reader(target).wait_for(1).map { |row| [row.payload, row.headers["source_offset"]] }
      expect(copies.uniq).to eq([%w[5 5]])
      @server.wait_for_output { |lines| where.include?("dead") || lines.include?("5") }
      done = (first + @server.output.map(&:to_i)).uniq.sort
      expect(done).to eq((0..9).to_a - (where.include?("dead") ? [5] : []))
      @server.signal(:TERM)
      expect(@server.wait).to eq(0)
    end
  end
end
