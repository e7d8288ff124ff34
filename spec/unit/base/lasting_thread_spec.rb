# frozen_string_literal: true

require "support/wait"

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
      thread.thread.kill
      kills += 1
      Thread.pass
    end
    thread.kill
    thread.thread.join(10)
    expect([kept, kills]).to match([(0..2_999).to_a, be > 0])
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
