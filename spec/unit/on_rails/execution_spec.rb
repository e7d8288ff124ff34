# frozen_string_literal: true

require "support/wait"

RSpec.describe Karafka::OnRails::Execution do
  include Wait

  # As much of a Rails application as is asked here. It knows who is at work, and what was done meanwhile.
  let(:application_class) do
    Class.new do
      attr_reader :log, :checks
      attr_accessor :changed

      def initialize(cache_classes: false)
        @log = Queue.new
        @inside = 0
        @checks = 0
        @mutex = Mutex.new
        @config = Struct.new(:cache_classes).new(cache_classes)
      end

      attr_reader :config

      def executor = self
      def reloader = @reloader ||= Reloader.new(self)
      def check! = (@checks += 1) && changed

      def wrap
        @mutex.synchronize { @inside += 1 }
        yield
      ensure
        @mutex.synchronize { @inside -= 1 }
      end

      def reload
        @log << (@mutex.synchronize { @inside }.zero? ? :reloaded : :reloaded_under_somebody)
        Thread.pass
        self.changed = false
      end
    end
  end

  before do
    stub_const("Reloader", Class.new(Struct.new(:application)) do
      def check! = application.check!

      def wrap
        application.reload if application.changed
        yield
      end
    end)
  end

  let(:application) { application_class.new }

  def logged = drain(application.log)

  def execution(**times) = described_class.new(application, check_every: 0, longest_wait: 20, **times)

  it "is only Rails' executor where code is not reloaded" do
    application.config.cache_classes = true
    application.changed = true
    expect(execution.wrap(fresh: true) { :done }).to eq(:done)
    expect([application.checks, logged]).to eq([0, []])
  end

  it "loads changed code before a piece of work, but not while another one is at work" do
    one = execution
    gate = Queue.new
    application.changed = false
    slow = Thread.new { one.wrap { gate.pop && (application.log << :slow_done) } }
    wait_until("the slow one to begin") { gate.num_waiting == 1 }
    application.changed = true
    fresh = Thread.new { one.wrap(fresh: true) { application.log << :fresh } }
    wait_until("the other one to wait") { fresh.status == "sleep" }
    gate << true
    [slow, fresh].each(&:join)
    expect(logged).to eq(%i[slow_done reloaded fresh])
  end

  it "goes on with the old code where the others take too long" do
    one = execution(longest_wait: 0.05)
    application.changed = true
    one.wrap { one.wrap(fresh: true) { application.log << :old } }
    expect(logged).to eq([:old])
    expect(application.changed).to be(true)
  end

  it "looks for changes as often as costs a twentieth of the time, or after a second, and only for work that can use them" do
    now = 100.0
    cost = 0.002
    allow(Karafka::Clock).to receive(:now) { now }
    allow(application).to(receive(:check!).and_wrap_original { |original| (now += cost) && original.call })
    one = execution(check_every: 1)
    checks = lambda do |pause|
      now += pause
      one.wrap(fresh: true) { nil }
      application.checks
    end
    expect([0, 0.02, 0.03, 0.03].map(&checks)).to eq([1, 1, 2, 2])
    cost = 2
    expect([0.05, 0.9, 0.2].map(&checks)).to eq([3, 3, 4])
    other = execution
    10.times { other.wrap { nil } }
    expect(application.checks).to eq(4)
  end

  it "counts nobody who has left with an exception" do
    one = execution
    expect { one.wrap { raise "no" } }.to raise_error("no")
    application.changed = true
    one.wrap(fresh: true) { nil }
    expect(logged).to eq([:reloaded])
  end

  it "never takes classes away under somebody, with many at work" do
    one = execution
    threads = Array.new(6) do |number|
      Thread.new do
        200.times do |turn|
          application.changed = true if (turn % 20).zero?
          one.wrap(fresh: number.even?) { Thread.pass }
        end
      end
    end
    threads.each(&:join)
    expect(logged.uniq).to eq([:reloaded])
  end
end
