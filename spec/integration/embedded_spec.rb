# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"
require "rbconfig"
require "open3"

RSpec.describe Karafka::Embedded do
  include MockCluster

  let(:seen) { Queue.new }

  before { broker.create_topic("orders", 1) }

  after do
    described_class.stop
    close_cluster
  end

  def start(consumer = nil, &)
    klass = consumer || consumer_class(&)
    application { topic(:orders) { consumer(klass) } }
    described_class.start
  end

  def assigned?
    Karafka::Server.state[:groups].first[:assigned].any?
  end

  it "starts and stops within a process, more than once, and says what it is doing" do
    seen = self.seen
    start { seen << messages.payloads }
    expect([Karafka::App.running?, Karafka::Server.workers.size, Karafka::Server.listeners.map(&:id)]).to eq([true, 2, ["app_0"]])
    expect(Karafka::Process.tags.to_a).to include("mode:embedded")
    expect { described_class.start }.to raise_error(Karafka::Errors::EngineError, /running already/)
    described_class.stop
    expect([Karafka::App.terminated?, Karafka::App.done?]).to eq([true, true])
    described_class.start
    produce("orders", %w[1])
    wait_until("the message") { seen.size == 1 }
  end

  it "leaves the signals of the process alone" do
    handler = proc {}
    former = trap("TERM", handler)
    start { nil }
    expect(trap("TERM", former)).to equal(handler)
  end

  it "can be stopped by a consumer, which ends first" do
    produce("orders", %w[1])
    seen = self.seen
    start do
      Karafka::Embedded.stop
      seen << 1
    end
    expect(Karafka::Server.wait(60)).to be(true)
    expect([seen.size, committed("app", "orders")]).to eq([1, 1])
  end

  it "leaves no pipes behind, without waiting for the garbage collector", if: File.directory?("/proc/self/fd") do
    GC.disable
    start { nil }
    described_class.stop
    # The mock cluster is in this process, and closes its side of a connection a moment later.
    sockets = -> { Dir.children("/proc/self/fd").size }
    before = 0
    wait_until("the number of files to stand still") { before == (before = sockets.call) }
    5.times { [described_class.start, described_class.stop] }
    wait_until("the files to be closed") { sockets.call <= before }
  ensure
    GC.enable
  end

  it "leaves nothing behind: threads, consumers" do
    before = Thread.list.size
    produce("orders", %w[1])
    seen = self.seen
    start { seen << 1 }
    wait_until("the message") { seen.size == 1 }
    described_class.stop
    # The last one is ending when stop returns.
    wait_until("the threads to end") { Thread.list.size <= before }
  end

  it "answers Thread#kill and a stop at once while it waits for work" do
    start { nil }
    wait_until("the assignment") { assigned? }
    worker = Karafka::Server.workers.first
    took = shortest(0.5) do
      wait_until("a worker thread that waits") { worker.thread.status == "sleep" }
      started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      (thread = worker.thread).kill
      expect(thread.join(Wait::LONG)).to be(thread)
      Process.clock_gettime(Process::CLOCK_MONOTONIC) - started
    end
    expect(took).to be < 0.5
    wait_until("a new worker thread") { worker.thread.alive? }
  end

  it "costs no CPU while it waits" do
    start { nil }
    wait_until("the assignment") { assigned? }
    used = shortest(0.1) do
      before = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
      sleep 2 # the time that is measured
      Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) - before
    end
    # The mock cluster is in this process, too.
    expect(used).to be < 0.1
  end

  it "gives up a batch that does not end within shutdown_timeout, without ending the process" do
    seen = self.seen
    produce("orders", %w[1])
    start { (seen << 1) && sleep }
    Karafka::App.config.shutdown_timeout = 1_000
    wait_until("the message") { seen.size == 1 }
    described_class.stop
    expect(log.string).to match(%r{ForcefulShutdownError.*worker \d runs consume of orders/0}m)
    expect(committed("app", "orders")).to be_nil
  end

  it "lets a forked child end cleanly, and goes on itself" do
    seen = self.seen
    start { seen << messages.payloads }
    wait_until("the assignment") { assigned? }
    child = fork do
      exit!(9) unless Karafka::Server.state.nil?
      Karafka::Embedded.stop
      exit(0)
    end
    expect(wait_for_exit(child).exitstatus).to eq(0)
    produce("orders", %w[1])
    wait_until("the message") { seen.size == 1 }
  end

  def program(consume, main)
    <<~RUBY
      require "karafka"
      class OrdersConsumer < Karafka::BaseConsumer
        def consume = #{consume}
      end
      Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "#{broker.bootstrap_servers}" } }
      Karafka::App.routes.draw { topic(:orders) { consumer OrdersConsumer } }
      Karafka::Embedded.start
      #{main}
    RUBY
  end

  # @return [Array(String, Integer)] output and exit status
  def run_program(text)
    lib = File.expand_path("../../lib", __dir__)
    Open3.popen2e(RbConfig.ruby, "-I", lib, "-e", text) do |_input, output, thread|
      return [output.read, thread.value.exitstatus] if thread.join(Wait::LONG)

      Process.kill(:KILL, thread.pid)
      raise "still running after #{Wait::LONG} s: #{output.read}"
    end
  end

  it "does not keep a process from ending that forgets to stop it" do
    main = 'sleep 0.1 until Karafka::Server.state[:groups].first[:assigned].any?; puts "end"'
    output, status = run_program(program("nil", main))
    # The log begins with a banner.
    expect([output.lines.grep_v(/ INFO -- /), status]).to eq([["end\n"], 0])
  end

  it "ends the process on exit in a consumer, as Ruby does in any thread, after a graceful stop" do
    produce("orders", %w[1])
    expect(run_program(program("exit(4)", "at_exit { puts Karafka::App.status }; sleep")).last).to eq(4)
    expect(committed("app", "orders")).to be_nil
  end

  it "starts neither threads nor connections when it is loaded and set up" do
    lib = File.expand_path("../../lib", __dir__)
    program = <<~RUBY
      require "karafka"
      class OrdersConsumer < Karafka::BaseConsumer
        def consume = nil
      end
      Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:1" } }
      Karafka::App.routes.draw { topic(:orders) { consumer OrdersConsumer } }
      Karafka::App.boot!
      require #{OsThreads::FILE.inspect}
      puts OsThreads.ours.size, Thread.list.size
    RUBY
    output, status = Open3.capture2e(RbConfig.ruby, "-I", lib, "-e", program)
    expect([output, status.exitstatus]).to eq(["0\n1\n", 0])
  end
end
