# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe Karafka::Instrumentation::LoggerListener do
  include OneTopic

  let(:log) { StringIO.new }
  let(:consumer_class) { stub_const("OrdersConsumer", Class.new(Karafka::BaseConsumer) { def consume = messages.first.payload }) }
  let(:coordinator) { Karafka::Coordinator.new(route(consumer_class)) }
  let(:consumer) { run(FakeLease.new(%w[1])) }

  before { Karafka::App.config.logger = Logger.new(log, level: :debug) }

  def run(lease)
    assignment = coordinator.fetch(lease)
    assignment.public_send(lease.kind, lease)
    assignment.consumer
  end

  def subscribe(**options)
    Karafka.monitor.subscribe(described_class.new(**options))
  end

  it "logs batches that arrive, with log_polling" do
    subscribe
    run(FakeLease.new(%w[1 2], first_offset: 5))
    expect(log.string).to match(%r{INFO.*\[app_0\] Got 2 messages of orders/0, offsets 5 to 6})
  end

  it "logs none of them without" do
    subscribe(log_polling: false)
    run(FakeLease.new(%w[1 2]))
    expect(log.string).not_to match(/Got/)
  end

  it "logs what a consumer does about its place" do
    subscribe
    consumer.seek(7)
    consumer.pause(8, 100)
    consumer.pause(nil, -1)
    consumer.resume
    expect(log.string).to match(%r{\[orders/0\] Seeking to 7.*Pausing for 100 ms at offset 8.*Pausing until it is resumed.*Resuming}m)
  end

  it "logs errors with the place, the backtrace, and never the payload" do
    subscribe
    Karafka::Instrumentation::Safely.error(ArgumentError.new("bad"), "consumer.consume.error", caller: consumer)
    expect(log.string).to match(%r{ERROR.*consumer.consume.error in OrdersConsumer on orders/0: ArgumentError: bad})
    Karafka::Instrumentation::Safely.error(Karafka::Errors::KafkaError.new("gone", fatal: true), "librdkafka.error")
    expect(log.string).to match(/FATAL.*librdkafka.error: Karafka::Errors::KafkaError: gone/)
  end

  it "logs retries, rebalances and the life of the process" do
    subscribe
    monitor = Karafka.monitor
    monitor.instrument("consumer.consuming.retry", caller: consumer, attempt: 2, delay: 500, offset: 0)
    monitor.instrument("rebalance.partitions_assigned", subscription_group_id: "app_0", consumer_group_id: "app",
                                                        tpl: { "orders" => [0, 1] })
    monitor.instrument("rebalance.partitions_revoked", subscription_group_id: "app_0", consumer_group_id: "app", tpl: { "orders" => [1] },
                                                       lost: true)
    monitor.instrument("app.stopping")
    monitor.instrument("process.notice_signal", signal: "SIGTERM")
    expect(log.string).to match(/Retrying OrdersConsumer from offset 0 in 500 ms \(attempt 2 failed\)/)
    expect(log.string).to match(/Group app: assigned orders\[0,1\].*Group app: lost orders\[1\].*Stopping Karafka.*Received SIGTERM/m)
  end

  it "has a method for no event that is not there" do
    expect { subscribe }.not_to raise_error
    expect(log.string).to be_empty
  end

  it "is the listener of 1.x, too" do
    expect(Karafka::Instrumentation::StdoutListener).to equal(described_class)
  end
end
