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

  it "logs the class and the place of an error whose message raises, with a subscriber and without one" do
    stub_const("MuteError", Class.new(StandardError) { def message = raise("no text") })
    Karafka::Instrumentation::Safely.error(MuteError.new, "consumer.consume.error", caller: consumer)
    expect(log.string).to match(/ERROR.*consumer.consume.error: MuteError: its message cannot be shown \(RuntimeError\)/)
    subscribe
    Karafka::Instrumentation::Safely.error(MuteError.new, "consumer.consume.error", caller: consumer)
    expect(log.string).to match(%r{OrdersConsumer on orders/0: MuteError: its message cannot be shown \(RuntimeError\)})
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
    expect(log.string).to match(/WARN.*Retrying OrdersConsumer from offset 0 in 500 ms \(attempt 2 failed\)/)
    expect(log.string).to match(/Group app: assigned orders\[0,1\].*Group app: lost orders\[1\].*Stopping Karafka.*Received SIGTERM/m)
  end

  it "names partitions in their order, and says where a rebalance brings or takes none" do
    subscribe
    group = { subscription_group_id: "app_0", consumer_group_id: "app" }
    [{ "orders" => [10, 2, 0] }, {}].each do |tpl|
      Karafka.monitor.instrument("rebalance.partitions_assigned", tpl: tpl, **group)
      Karafka.monitor.instrument("rebalance.partitions_revoked", tpl: tpl, lost: false, **group)
    end
    expect(log.string.scan(/Group app: (.*)$/).flatten)
      .to eq(["assigned orders[0,2,10]", "revoked orders[0,2,10]", "assigned nothing new", "revoked nothing"])
  end

  it "says nothing of what a consumer has no method for" do
    subscribe
    job = lambda do |kind, consumer|
      assignment = instance_double(Karafka::Assignment, consumer: consumer, topic: self.consumer.topic)
      Karafka::Worker::Job.new(1, 1, FakeLease.new([], kind: kind), assignment)
    end
    own = Class.new(Karafka::BaseConsumer) { def shutdown; end }.new
    plain = Class.new(Karafka::BaseConsumer).new
    [[:shutdown, own], [:revoked, own], [:shutdown, plain], [:consume, plain]].each do |kind, consumer|
      Karafka.monitor.instrument("worker.processed", caller: self, job: job.call(kind, consumer), time: 1)
    end
    expect(log.string.scan(%r{INFO.*\] (\w+) by OrdersConsumer on orders/0 finished}).flatten).to eq(%w[shutdown consume])
  end

  it "keeps where it was raised and the application's own lines of a backtrace" do
    subscribe
    Karafka::Instrumentation::Safely.error(error_of_a_gem, "consumer.consume.error", caller: consumer)
    expect(log.string).to match(%r{ERROR.*: bad\n.*/json.rb:1:in `parse'\n/srv/shop/orders.rb:2:in `consume'\n\(2 lines of gems})
  end

  it "leaves out the way to an error of this gem where no line is the application's, and shows that to another one" do
    lines = Array.new(30) { |number| File.expand_path("../../../lib/karafka/x.rb:#{number}", __dir__) }
    of = ->(error) { Karafka::Instrumentation::Backtrace.of(error.tap { |it| it.set_backtrace(lines) }) }
    expect(of[Karafka::Errors::EngineError.new("x")]).to match([/x.rb:0\z/, /29 lines of gems/])
    expect(of[WaterDrop::Errors::ProduceError.new("x")].size).to eq(2)
    expect(of[ArgumentError.new("x")]).to match([*[/x.rb/] * 20, /10 lines of gems/])
  end

  it "leaves the backtrace to Rails where it is there, and whole on request" do
    cleaner = Class.new { def clean(lines) = lines.grep(/shop/).map { |line| line.delete_prefix("/srv/shop/") } }.new
    stub_const("Rails", Class.new { define_singleton_method(:backtrace_cleaner) { cleaner } })
    expect(Karafka::Instrumentation::Backtrace.of(error_of_a_gem)).to include("orders.rb:2:in `consume'")
    # Where the application itself has raised it, the line is there once.
    own = ArgumentError.new("bad").tap { |error| error.set_backtrace(error_of_a_gem.backtrace.drop(2)) }
    expect(Karafka::Instrumentation::Backtrace.of(own)).to match(["orders.rb:2:in `consume'", /1 line of gems/])
    stub_const("ENV", ENV.to_h.merge("KARAFKA_BACKTRACE" => "1"))
    expect(Karafka::Instrumentation::Backtrace.of(error_of_a_gem).size).to eq(4)
  end

  it "shows the beginning and the end of a long backtrace" do
    deep = SystemStackError.new("deep")
    deep.set_backtrace(Array.new(10_000) { |number| "/srv/shop/orders.rb:#{number}:in `again'" })
    shown = Karafka::Instrumentation::Backtrace.of(deep)
    expect([shown.size, shown.first, shown[30], shown.last])
      .to eq([61, "/srv/shop/orders.rb:0:in `again'", "(9940 lines left out, KARAFKA_BACKTRACE=1 shows all)",
              "/srv/shop/orders.rb:9999:in `again'"])
  end

  def error_of_a_gem
    library = RbConfig::CONFIG.fetch("rubylibdir")
    gem = File.expand_path("../../../lib/karafka/runtime/worker.rb", __dir__)
    lines = ["#{library}/json.rb:1:in `parse'", "#{library}/json.rb:2:in `load'", "/srv/shop/orders.rb:2:in `consume'", "#{gem}:9:in `run'"]
    ArgumentError.new("bad").tap { |error| error.set_backtrace(lines) }
  end

  it "has a method for no event that is not there" do
    expect { subscribe }.not_to raise_error
    expect(log.string).to be_empty
  end

  it "is the listener of 1.x, too" do
    expect(Karafka::Instrumentation::StdoutListener).to equal(described_class)
  end
end
