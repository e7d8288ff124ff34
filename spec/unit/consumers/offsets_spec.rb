# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe Karafka::Consumers::Offsets do
  include OneTopic

  let(:lease) { FakeLease.new(%w[1 2 3], first_offset: 10) }
  let(:consumer) { assignment.consumer }
  let(:assignment) do
    klass = Class.new(Karafka::BaseConsumer) { def consume = nil }
    coordinator = Karafka::Coordinator.new(route(klass))
    coordinator.fetch(lease).tap { |it| it.consume(lease) }
  end

  def message(topic: "orders", partition: 0, offset: 4)
    Karafka::Messages::Message.new("1", Karafka::Messages::Metadata.new(topic: topic, partition: partition, offset: offset))
  end

  it "marks a message of this batch, of an earlier one, or a place" do
    expect(consumer.mark_as_consumed(consumer.messages.last)).to be(true)
    expect(consumer.mark_as_consumed(message)).to be(true)
    expect(consumer.mark_as_consumed(Karafka::Messages::Seek.new("orders", 0, 5))).to be(true)
    expect(lease.marked).to eq([12, 4, 5])
  end

  it "refuses to mark a message of another partition" do
    expect { consumer.mark_as_consumed(message(partition: 1)) }.to raise_error(ArgumentError, %r{not of orders/0})
    expect { consumer.mark_as_consumed(message(topic: "other")) }.to raise_error(ArgumentError)
    expect(lease.marked).to be_empty
  end

  it "refuses to mark a place made by hand beyond what was delivered" do
    seek = ->(offset) { Karafka::Messages::Seek.new("orders", 0, offset) }
    expect { consumer.mark_as_consumed(seek[13]) }.to raise_error(ArgumentError, /offset 13 was not delivered yet \(12 was the last one\)/)
    expect { consumer.mark_as_consumed!(seek[:latest]) }.to raise_error(ArgumentError, /no offset to mark/)
    expect(lease.marked).to be_empty
    expect(consumer.mark_as_consumed(seek[12])).to be(true)
    lease.lost = true
    expect(consumer.mark_as_consumed(seek[13])).to be(false)
  end

  it "commits what it marked" do
    expect(consumer.mark_as_consumed!(consumer.messages.first)).to be(true)
    consumer.commit_offsets
    consumer.commit_offsets!
    expect(lease.calls).to eq(%i[commit_sync commit_async commit_sync])
  end

  it "answers false, and never raises, once the partition is lost" do
    consumer
    lease.lost = true
    answers = [
      consumer.mark_as_consumed(consumer.messages.first), consumer.mark_as_consumed!(consumer.messages.first), consumer.commit_offsets,
      consumer.commit_offsets!, consumer.seek(1), consumer.pause(1, 10), consumer.resume
    ]
    expect(answers).to all(be(false))
    expect(consumer.revoked?).to be(true)
  end

  it "says which offset a time stands for, and asks again while the broker does not answer" do
    answers = [Karafka::Errors::KafkaError.new("timed out", code: :timed_out), 7]
    allow(lease).to receive(:offset_at) { answers.shift.then { |answer| answer.is_a?(Exception) ? raise(answer) : answer } }
    sought = []
    Karafka.monitor.subscribe("consumer.consuming.seek") { |event| sought << event[:message].offset }
    expect([consumer.seek(Time.now + 3_600), sought]).to eq([true, [7]])
  end

  it "says that an older message was marked where only the consumer marks" do
    back = []
    Karafka.monitor.subscribe("consumer.consuming.marked_back") { |event| back << event[:message].offset }
    first, _, last = consumer.messages.to_a
    expect([last, first].map { |message| consumer.mark_as_consumed(message) }).to eq([true, true])
    expect(back).to be_empty
    consumer.topic.manual_offset_management(true)
    expect([last, first].map { |message| consumer.mark_as_consumed(message) }).to eq([true, true])
    expect(back).to eq([10])
  end

  it "seeks to offsets, times, names and messages" do
    [5, :earliest, :latest, Time.at(1.25), consumer.messages.first].each { |position| consumer.seek(position) }
    expect(lease.calls).to eq([[:seek, 5], %i[seek earliest], %i[seek latest], [:offset_at, 1_250], [:seek, 42], [:seek, 10]])
    # -1 would be the end of the partition to librdkafka, and the rest of it would be skipped.
    consumer.seek(:latest, reset_offset: true)
    expect(lease.calls.last).to eq(%i[seek latest])
    consumer.seek(1, true, reset_offset: false)
    expect(lease.calls.last).to eq([:seek, 1, false])
    ["5", -1, 2**63, nil].each { |position| expect { consumer.seek(position) }.to raise_error(ArgumentError, /an offset, a Time/) }
    expect { consumer.pause(-1, 10) }.to raise_error(ArgumentError, /pause takes an offset/)
  end

  it "takes a time before 1970 for the beginning, and one that no clock shows for the end" do
    [Time.at(-1), Time.at(-0.001), Time.at(2**60)].each { |time| consumer.seek(time) }
    expect(lease.calls.select { |name, _| name == :offset_at }.map(&:last)).to eq([0, 0, (2**63) - 1])
  end

  it "pauses for the topic's time where none is given" do
    consumer.pause(11)
    consumer.pause(:consecutive, 50)
    consumer.pause(nil, -1)
    expect(lease.calls).to eq([[:pause, 11, 1_000], [:pause, nil, 50], [:pause, nil, -1]])
    [0, 2**63, "5"].each { |length| expect { consumer.pause(11, length) }.to raise_error(ArgumentError, /milliseconds/) }
  end

  it "says so to subscribers" do
    events = []
    %w[consumer.consuming.pause consumer.consuming.seek client.resume].each do |name|
      Karafka.monitor.subscribe(name) { |event| events << [name, event[:topic], event[:partition]] }
    end
    consumer.seek(1)
    consumer.pause(1, 1)
    consumer.resume
    expect(events.map(&:first)).to eq(%w[consumer.consuming.seek consumer.consuming.pause client.resume])
    expect(events.map { |event| event[1..] }.uniq).to eq([["orders", 0]])
  end
end
