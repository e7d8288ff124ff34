# frozen_string_literal: true

require "karafka/compat/worker-glass"
require "logger"
require "stringio"

RSpec.describe "karafka/compat/worker-glass" do
  let(:log) { StringIO.new }
  let(:worker) { Class.new { def perform(*given, **options) = [given, options] } }

  before { WorkerGlass.logger = Logger.new(log) }
  after { WorkerGlass.logger = nil }

  it "is found by the names that the gem was required by" do
    expect { %w[worker_glass worker-glass].each { |name| require name } }.not_to raise_error
    expect { Karafka::Adapters::Entrance.open("worker-glass", stubs: "x", active: { "worker-glass" => 1 }) }
      .to raise_error(Karafka::Errors::ConflictingGemError, /worker-glass/)
  end

  it "has a logger that writes nothing where none was set" do
    WorkerGlass.logger = nil
    expect { WorkerGlass.logger.fatal("text") }.not_to output.to_stderr
  end

  describe "WorkerGlass::Timeout" do
    before { worker.prepend(WorkerGlass::Timeout) }

    it "gives what perform gives within the time, which classes below have as well" do
      worker.timeout = 60
      expect(Class.new(worker).new.perform(1, a: 2)).to eq([[1], { a: 2 }])
    end

    it "raises where no time was set" do
      expect { worker.new.perform }.to raise_error(WorkerGlass::Errors::TimeoutNotDefined, /self.timeout = 60/)
    end

    it "raises over it, through a rescue of the worker" do
      worker.timeout = 0.01
      worker.define_method(:perform) do
        Thread::Queue.new.pop
      rescue StandardError
        :swallowed
      end
      expect { worker.new.perform }.to raise_error(WorkerGlass::Errors::TimeoutError, /longer than 0.01 s/)
    end

    it "leaves timeouts of the worker's own as they are" do
      worker.timeout = 60
      worker.define_method(:perform) { raise Timeout::Error, "of a socket" }
      expect { worker.new.perform }.to raise_error(Timeout::Error, "of a socket")
    end
  end

  describe "WorkerGlass::Reentrancy" do
    before { worker.prepend(WorkerGlass::Reentrancy) }

    it "calls after_failure with what perform was given, logs the error and raises it" do
      failed = []
      worker.define_method(:perform) { |*| raise ArgumentError, "broken" }
      worker.define_method(:after_failure) { |*given| failed << given }
      expect { worker.new.perform(1, "a") }.to raise_error(ArgumentError, "broken")
      expect(failed).to eq([[1, "a"]])
      expect(log.string).to match(/FATAL.*broken/)
    end

    it "needs no after_failure, and changes nothing where all is well" do
      expect(worker.new.perform(1)).to eq([[1], {}])
      worker.define_method(:perform) { raise "broken" }
      expect { worker.new.perform }.to raise_error("broken")
    end

    it "hears of a timeout where both are there" do
      failed = []
      both = Class.new { define_method(:perform) { Thread::Queue.new.pop } }
      both.prepend(WorkerGlass::Timeout)
      both.prepend(WorkerGlass::Reentrancy)
      both.timeout = 0.01
      both.define_method(:after_failure) { failed << :yes }
      expect { both.new.perform }.to raise_error(WorkerGlass::Errors::TimeoutError)
      expect(failed).to eq([:yes])
    end
  end
end
