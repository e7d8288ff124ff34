# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"
require "waterdrop"

RSpec.describe "a producer after a fatal error" do
  include MockCluster

  after { close_cluster }

  let(:log) { StringIO.new }
  let(:events) { Queue.new }

  def producer(kafka = {}, &)
    made = new_producer({ "enable.idempotence": true, **kafka }, log: log, &)
    %w[error.occurred producer.reload producer.reloaded].each { |name| made.monitor.subscribe(name) { |event| events << event } }
    made
  end

  def break_it(producer, kind = :out_of_order)
    producer.singleton_class.include(WaterDrop::Producer::Testing)
    producer.trigger_test_fatal_error({ out_of_order: 45, fenced: -144 }.fetch(kind), "as asked by a spec")
  end

  it "says that its client has failed for good, where it is not replaced" do
    made = producer { |config| config.reload_on_idempotent_fatal_error = false }
    made.produce_sync(topic: "orders", payload: "a")
    made.singleton_class.include(WaterDrop::Producer::Testing)
    expect(made.fatal_error).to be_nil
    break_it(made)
    expect(made.fatal_error).to include(error_code: 45, error_string: /as asked by a spec/)
    expect { made.trigger_test_fatal_error(4_711, "x") }.to raise_error(Karafka::Errors::InvalidConfigurationError, /4711/)
  ensure
    made&.close(0)
  end

  it "goes on with a new client and tells the monitor" do
    broker.create_topic("orders", 1)
    made = producer
    made.produce_sync(topic: "orders", payload: "a")
    break_it(made)
    expect(made.produce_sync(topic: "orders", payload: "b").offset).to eq(1)
    wait_until("three events") { events.size >= 3 }
    error, reload, reloaded = Array.new(3) { events.pop }
    expect([error.id, reload.id, reloaded.id]).to eq(%w[error.occurred producer.reload producer.reloaded])
    expect(error[:error]).to have_attributes(fatal?: true, code: :out_of_order_sequence_number)
    expect([reload[:attempt], reload[:error].code, reloaded[:failed]]).to eq([1, :out_of_order_sequence_number, 0])
  end

  it "makes the new client with what a subscriber of producer.reload writes into the producer's settings" do
    broker.create_topic("orders", 1)
    made = producer
    callers = Queue.new
    made.monitor.subscribe("producer.reload") do |event|
      callers << event[:caller]
      sleep 0.2 # The next client waits for it.
      event[:caller].config.kafka[:"bootstrap.servers"] = "127.0.0.1:1"
      event[:caller].config.kafka[:"message.timeout.ms"] = 300
    end
    made.produce_sync(topic: "orders", payload: "a")
    break_it(made)
    expect(made.produce_async(topic: "orders", payload: "b").wait(raise_response_error: false).error&.code).to eq(:msg_timed_out)
    expect(callers.pop).to equal(made)
  end

  it "has the settings of the last client where those are refused, and says so" do
    broker.create_topic("orders", 1)
    made = producer
    made.monitor.subscribe("producer.reload") { |event| event[:caller].config.kafka[:"linger.ms"] = "soon" }
    made.produce_sync(topic: "orders", payload: "a")
    break_it(made)
    expect(made.produce_sync(topic: "orders", payload: "b").offset).to eq(1)
    expect(log.string).to match(/settings of the last one.*linger\.ms/)
  end

  it "reports what was under way as failed, with the reason" do
    made = producer("bootstrap.servers": "127.0.0.1:1")
    handles = made.produce_many_async([{ topic: "orders", payload: "x" }] * 3)
    break_it(made)
    errors = handles.map { |handle| handle.wait(raise_response_error: false).error }
    expect(errors.map(&:code)).to all(be(:purge_queue).or(be(:purge_inflight)))
    expect(errors.map(&:message)).to all(include("out_of_order_sequence_number"))
    wait_until("nothing is queued") { made.queue_size.zero? }
  end

  it "stays as it is after fencing, and where it is told to" do
    broker.create_topic("orders", 1)
    never = producer { |config| config.reload_on_idempotent_fatal_error = false }
    except = producer { |config| config.non_reloadable_errors = [:out_of_order_sequence_number] }
    [[producer, :fenced], [never, :out_of_order], [except, :out_of_order]].each do |made, kind|
      made.produce_sync(topic: "orders", payload: "a")
      break_it(made, kind)
      2.times do
        expect { made.produce_sync(topic: "orders", payload: nil) }
          .to raise_error(WaterDrop::Errors::ProduceError) { |error| expect(error).to be_fatal }
      end
    end
  end

  it "checks its settings" do
    { max_attempts_on_idempotent_fatal_error: 0, wait_backoff_on_transaction_fatal_error: -1, non_reloadable_errors: :fenced }
      .each do |name, value|
        expect { producer { |config| config.public_send(:"#{name}=", value) } }
          .to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /#{name} is #{value.inspect}/)
      end
  end
end
