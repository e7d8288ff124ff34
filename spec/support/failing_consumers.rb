# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

# Stands in for the application's producer.
class FakeDeadLetters
  attr_reader :sent
  attr_accessor :failing

  def initialize = @sent = []

  def produce_async(message)
    @sent << message
    raise failing if failing

    self
  end
  alias produce_sync produce_async

  def wait = self
  def close = nil
end

# Consumers that raise, and a producer that keeps what is sent for them.
RSpec.shared_context "with failing consumers" do
  include OneTopic

  let(:producer) { FakeDeadLetters.new }
  let(:errors) { [] }
  let(:events) { [] }

  before do
    Karafka.monitor.subscribe("error.occurred") { |event| errors << [event[:type], event[:error].class] }
    %w[consumer.consuming.retry consumer.consuming.skipped consumer.consuming.postponed dead_letter_queue.dispatched
       dead_letter_queue.stopped].each { |name| Karafka.monitor.subscribe(name) { |event| events << event } }
    producer = self.producer
    Karafka::App.config.producer = producer
  end

  def consumer(&)
    Class.new(Karafka::BaseConsumer) { define_method(:consume, &) }
  end

  # Gives the lease to a consumer that does that, and what it raises to the handler.
  def fail_with(body, lease, &)
    @routes ||= route(consumer(&body), &)
    @assignment ||= Karafka::Assignment.new(@routes.topic(0, 0), lease)
    @assignment.consume(lease)
    @assignment.settle(lease)
  rescue Exception => e # rubocop:disable Lint/RescueException -- as the worker
    @assignment.failed(lease, e)
  ensure
    @lease = lease
  end

  def queue(**options)
    proc { dead_letter_queue(topic: "dead", **options) }
  end

  def failing = -> { raise ArgumentError, "no" }

  # A producer with a transactional.id, on the cluster that is consumed.
  def in_transactions(servers: "127.0.0.1:9092")
    @routes = @assignment = nil
    Karafka::App.reset!
    Karafka.monitor.subscribe("error.occurred") { |event| errors << [event[:type], event[:error].class] }
    Karafka.monitor.subscribe("dead_letter_queue.dispatched") { |event| events << event }
    Karafka::App.config.producer = @made = WaterDrop::Producer.new do |config|
      config.deliver = false
      config.client_class = WaterDrop::Clients::Buffered
      config.kafka = { "bootstrap.servers": servers, "transactional.id": "spec" }
    end
  end

  def one(**options) = FakeLease.new(['{"id":1}'], first_offset: 7, **options)
  def settled = @lease.settled.last
end
