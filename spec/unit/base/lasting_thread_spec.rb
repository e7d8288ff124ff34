# frozen_string_literal: true

require "support/wait"
require "timeout"

RSpec.describe Karafka::LastingThread do
  include Wait

  let!(:seen) { Queue.new }
  let!(:gate) { Queue.new }

  after { gate.close }

  def lasting(replaced: nil, &work)
    described_class.new("spec.lasting", replaced: replaced, &work).start
  end

  it "goes on in another thread after Thread.exit, an error or a kill, and says what has ended the one before" do
    ends = [-> { Thread.exit }, -> { raise IOError, "no" }, -> { gate.pop }, -> { seen << :done }]
    thread = lasting(replaced: ->(error) { seen << error&.message }) { ends.shift.call }
    expect([seen.pop, seen.pop]).to eq([nil, "no"])
    wait_until("the third to wait") { gate.num_waiting == 1 }
    thread.thread.kill
    expect([seen.pop, seen.pop].compact).to eq([:done])
    expect(thread.join(10)).to be(true)
    expect([thread.over?, thread.thread.name]).to eq([true, "spec.lasting"])
  end

  it "is replaced as well where it is killed before its first step" do
    thread = lasting { seen << gate.pop }
    50.times { thread.thread.kill }
    gate << :work
    expect(seen.pop).to eq(:work)
  end

  it "has no other one after #kill, and none is waited for" do
    thread = lasting { gate.pop }
    thread.kill
    expect(thread.join(10)).to be(true)
    thread.thread.join(10)
    expect([thread.alive?, thread.start.alive?]).to eq([false, false])
  end

  it "joins the one that has taken its place, within the time, and never itself" do
    thread = lasting { seen << (gate.pop == :ask ? thread.join : :over) }
    thread.thread.kill
    expect(thread.join(0.05)).to be(false)
    gate << :ask
    expect([seen.pop, thread.join(10)]).to eq([true, true])
  end

  it "loses nothing that is taken and kept uninterrupted, however often it is killed" do
    source = Queue.new
    kept = []
    thread = lasting do
      loop do
        described_class.uninterrupted { kept << source.shift(true) unless source.empty? }
        Thread.pass
      end
    end
    3_000.times { |number| source << number }
    kills = 0
    until source.empty?
      left = source.size
      thread.thread.kill
      kills += 1
      # Else no thread would live long enough to take something.
      Thread.pass while source.size == left && left.positive?
    end
    thread.kill
    thread.thread.join(10)
    expect([kept, kills]).to match([(0..2_999).to_a, be > 0])
  end

  it "raises nothing of the work in whoever joins it, and has the main thread raise what ends a process" do
    fatal = Queue.new
    work = [-> { raise IOError, "no" }, -> { exit(3) }, -> { seen << :over }]
    thread = described_class.new("spec.lasting", fatal: ->(error) { fatal << error.status }) { work.shift.call }.start
    expect([thread.join(10), seen.pop, fatal.pop]).to eq([true, :over, 3])
  end

  it "lets what is told of the end be interrupted, and threads that it begins" do
    ends = [-> { Thread.exit }, -> { seen << :over }]
    told = lambda do |_|
      begin
        Timeout.timeout(0.05) { gate.pop }
      rescue Timeout::Error
        seen << :timeout
      end
      Thread.new { gate.pop }.tap { |begun| seen << begun.kill.join(10).alive? }
    end
    lasting(replaced: told) { ends.shift.call }
    expect(Array.new(3) { seen.pop }).to contain_exactly(:over, :timeout, false)
  end

  if Fiber.respond_to?(:[])
    it "knows nothing of what its maker keeps in Fiber[]" do
      Fiber[:request] = "7"
      work = [-> { Thread.exit }, -> { seen << :over }]
      lasting do
        seen << Fiber[:request]
        Fiber[:request] = "8"
        work.shift.call
      end
      expect(Array.new(3) { seen.pop }).to eq([nil, nil, :over])
    ensure
      Fiber[:request] = nil
    end
  end

  it "burns no processor where its work fails at once each time" do
    runs = 0
    thread = lasting { (runs += 1) && raise(IOError, "no") }
    began = Karafka::Clock.now
    wait_until("the third") { runs >= 3 }
    expect(Karafka::Clock.now - began).to be > 0.15
    thread.kill
    expect(runs).to be < 20
  end

  it "is not waited for where no thread does its work" do
    never = described_class.new("spec.lasting") { seen << :done }
    expect([never.join, never.start.start.join(10), seen.size]).to eq([false, true, 1])
    allow(Thread).to receive(:new).and_wrap_original do |original, *arguments, &block|
      raise ThreadError, "can't create Thread: Resource temporarily unavailable" if Thread.current.name == "spec.lasting"

      original.call(*arguments, &block)
    end
    said = nil
    thread = lasting { (said = gate.pop) && raise(IOError, "no") }
    allow(thread).to receive(:warn) { |text| seen << text }
    gate << :go
    expect([thread.join, said]).to eq([false, :go])
    expect([seen.pop, seen.pop]).to match([:done, /no thread takes the place of spec.lasting: can't create Thread/])
  end

  it "has none in a child that its thread has become by a fork" do
    reader, writer = IO.pipe
    lasting do
      fork || begin
        reader.close
        at_exit { writer.write(Thread.list.count { |other| other != Thread.current }) && exit!(0) }
        Thread.exit
      end
    end.join(10)
    writer.close
    expect(reader.read).to eq("0")
  end
end
