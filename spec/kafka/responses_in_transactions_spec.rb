# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"
require_relative "../support/topic_reader"

RSpec.describe "responses in transactions on real Kafka", deadline: 300 do
  include RealKafka

  after do
    [committed_ones, all].compact.each(&:close)
    stop_application
  end

  let(:source) { cluster.create_topic.tap { |name| producer.produce_many_sync(Array.new(3) { |id| { topic: name, payload: id.to_s } }) } }
  let(:target) { cluster.create_topic }
  let(:committed_ones) { TopicReader.new(cluster.bootstrap_servers, target) }
  let(:all) { TopicReader.new(cluster.bootstrap_servers, target, kafka: { "isolation.level" => "read_uncommitted" }) }

  let(:responder) do
    Class.new(Karafka::BaseResponder).tap do |klass|
      klass.topic(target, multiple_usage: true)
      klass.define_method(:respond) { |*texts| texts.each { |text| respond_to klass.topics.keys.first, text } }
    end
  end

  def wait_for_commit
    wait_until("the commit") { committed(source) == 3 }
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message}; the log: #{@log.string}"
  end

  # Both readers' payloads, once there are so many.
  def seen(committed_count, all_count)
    [[committed_ones, committed_count], [all, all_count]].map do |reader, count|
      reader.wait_for(count).map(&:payload)
    end
  end

  it "are seen once with exactly_once, and not at all where consume raised" do
    consume(source, settings: { exactly_once: true, responder: responder, max_messages: 3, max_wait_time: 10_000 }) do
      messages.each { |message| respond_with("#{attempt}: #{message.raw_payload}") }
      raise "by accident" if attempt == 1
    end
    wait_for_commit
    once, with_aborted = seen(3, 6)
    expect(once).to eq(["2: 0", "2: 1", "2: 2"])
    # The first ones were with the broker.
    expect(with_aborted - once).to include("1: 0")
  end

  it "are seen with the marks of a consumer's transaction, and not at all where that is aborted" do
    consume(source, settings: { responder: responder, manual_offset_management: true, max_messages: 3, max_wait_time: 10_000 }) do
      transaction do
        respond_with("aborted")
        mark_as_consumed(messages.last)
        raise WaterDrop::AbortTransaction
      end
      before = seek_offset
      transaction do
        respond_with(*messages.map { |message| "#{before}: #{message.raw_payload}" })
        mark_as_consumed(messages.last)
      end
    end
    wait_for_commit
    once, with_aborted = seen(3, 4)
    expect(once.map { |text| text[-1] }).to eq(%w[0 1 2])
    expect(with_aborted - once).to eq(["aborted"])
  end

  it "leave in one transaction with a pool of transactional producers as the application's producer" do
    servers = cluster.bootstrap_servers
    id = SecureRandom.hex(6)
    Karafka::App.config.producer = pool = WaterDrop::ConnectionPool.new(size: 2) do |config, index|
      config.kafka = { "bootstrap.servers": servers, "transactional.id": "spec-#{id}-#{index}" }
    end
    klass = responder
    consume(source, settings: { responder: responder }) do
      respond_with(*messages.map { |message| "no transaction: #{message.raw_payload}" })
    end
    wait_for_commit
    pool.transaction do
      klass.call("aborted")
      raise WaterDrop::AbortTransaction
    end
    Array.new(3) { |number| Thread.new { klass.call("thread #{number}") } }.each(&:join)
    once, with_aborted = seen(6, 7)
    expect(once.sort).to eq(Array.new(3) { |number| "no transaction: #{number}" } + Array.new(3) { |number| "thread #{number}" })
    expect(with_aborted - once).to eq(["aborted"])
  ensure
    Karafka::Embedded.stop
    pool&.close
  end
end
