# frozen_string_literal: true

require "socket"
require "support/fake_lease"
require "support/routes"

# What observing costs is not measured in time here, which depends on the machine, but in objects, which do not. `bench/observing` has the
# CPU time. A bound may be lowered; before one is raised, look for what makes the object.
RSpec.describe "objects that are made of a batch for those who observe it" do
  include OneTopic

  let(:worker) { Karafka::Worker.new(0, nil, Karafka::Coordinator.new(route(consumer)), on_fatal: ->(error) { raise error }) }
  # Keeps nothing of what is asked of it, so it costs the same each time.
  let(:lease) do
    Class.new(FakeLease) do
      def ack = true
      def settled? = true
    end.new(%w[1] * 100)
  end

  def batches(number)
    number.times { worker.send(:process, lease) }
  end

  # The least of several: other threads of this process make objects, too.
  def objects
    batches(20)
    Array.new(5) do
      before = GC.stat(:total_allocated_objects)
      batches(100)
      (GC.stat(:total_allocated_objects) - before) / 100.0
    end.min
  end

  # @return [Float] more than without anybody
  def extra
    unobserved = objects
    yield
    objects - unobserved
  end

  def all_of_a_batch
    Class.new do
      %w[connection_listener_fetch_loop_received worker_process worker_processed consumer_consume consumer_consumed].each do |event|
        define_method(:"on_#{event}") { |it| it[:caller] }
      end
    end
  end

  it "are none where nobody does" do
    expect(extra { Karafka.monitor.subscribe("error.occurred") { nil } }).to be < 0.5
  end

  it "are an event each, the job and the buffer" do
    expect(extra { Karafka.monitor.subscribe(all_of_a_batch.new) }).to be <= 8
  end

  it "are those for the log, too, where batches of a topic come in summaries" do
    Karafka::App.config.logger = Logger.new(File::NULL, level: :info)
    expect(extra { Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new) }).to be <= 9
  end

  it "are few for Datadog's metrics, of which a batch has 12" do
    agent = UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 0) }
    statsd = Karafka::Instrumentation::Statsd.new("127.0.0.1", agent.addr[1])
    listener = Karafka::Instrumentation::Vendors::Datadog::MetricsListener.new { |config| config.client = statsd }
    expect(extra { Karafka.monitor.subscribe(listener) }).to be <= 26
  ensure
    statsd&.close
    agent&.close
  end
end
