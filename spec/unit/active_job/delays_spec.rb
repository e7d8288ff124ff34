# frozen_string_literal: true

require "karafka/active_job"
require "support/application"

RSpec.describe Karafka::ActiveJob::Delays do
  include ApplicationHelpers

  # A message that was sent.
  let(:message_class) do
    Struct.new(:sent) do
      def raw_headers = sent[:headers]
      def raw_key = sent[:key]
      def raw_payload = sent[:payload]
    end
  end

  let(:job) { { topic: "default", key: "k", payload: "{}", headers: { "mine" => "1" } } }
  let(:week_ms) { 7 * 24 * 3_600_000 }

  before do
    setup
    app.routes.draw do
      active_job_topic :default
      active_job_delays
    end
    @now = 1_800_000_000_000
    allow(Process).to receive(:clock_gettime).and_call_original
    allow(Process).to receive(:clock_gettime).with(Process::CLOCK_REALTIME, :millisecond) { @now.floor }
    allow(Process).to receive(:clock_gettime).with(Process::CLOCK_REALTIME) { @now / 1_000r }
  end

  # Lets it wait in each topic for as long as messages wait there, and a little more.
  # @return [Array(Array<Integer>, Hash)] how long it waited in each, and what arrived in the end
  def travel(sent, late: 0)
    waits = []
    until sent[:topic] == "default"
      waits << app.routes.topics.find { |topic| topic.name == sent[:topic] }.delay_by
      @now += waits.last + late
      sent = described_class.next(message_class.new(sent))
    end
    [waits, sent]
  end

  def waiting(milliseconds) = described_class.delayed(job, (@now + milliseconds) / 1_000r)

  it "takes one without headers" do
    place = described_class.delayed(job.except(:headers), (@now + 5_000) / 1_000r)
    expect(place).to include(topic: "active_job_delays_1s", headers: include("active_job_topic" => "default"))
  end

  it "sends a job that is due to its queue" do
    expect([waiting(0), waiting(-1)]).to eq([job, job])
  end

  it "lets a job wait in the longest topic that it does not outwait, then in shorter ones" do
    expect(travel(waiting(3_600_000 + 61_500)).first).to eq([3_600_000, 60_000, 1_000, 1_000])
    expect(travel(waiting(1)).first).to eq([1_000])
  end

  it "brings it as it was" do
    _, arrived = travel(waiting(12_000))
    expect(arrived).to eq(job)
  end

  it "is never early, and late by less than the shortest of the times" do
    random = Random.new(7)
    500.times do
      wait = random.rand(1..(3 * 3_600_000))
      due = @now + wait
      travel(waiting(wait), late: random.rand(3))
      # What the topics themselves are late adds up in the last one only.
      expect(@now - due).to be_between(0, 1_002), "seed 7, a wait of #{wait} ms"
    end
  end

  it "has no message wait for more than an hour, so that two weeks survive a retention of a day" do
    due = @now + (2 * week_ms)
    waits, = travel(waiting(2 * week_ms))
    expect([waits.max, @now - due]).to eq([3_600_000, 0])
  end

  it "does not know where to send what is no job that waits" do
    expect(described_class.next(message_class.new({ headers: {} }))).to be_nil
  end

  it "has a job that waits go wherever its key says, not into a partition of its queue" do
    expect(described_class.delayed(job.merge(partition: 7), (@now + 5_000) / 1_000r)).not_to have_key(:partition)
  end

  it "needs no such topics for a job that waits for nothing" do
    app.routes.clear
    @now += 1/2r
    expect([0, -1/10r].map { |milliseconds| waiting(milliseconds) }).to eq([job, job])
  end

  it "refuses a queue that no topic can be called, while somebody hears it" do
    job[:topic] = "mäils"
    expect { waiting(5_000) }.to raise_error(WaterDrop::Errors::MessageInvalidError, /\Amessage\[:topic\] must be 1 to 249 .*"mäils"/)
    headers = { "active_job_due_at" => "1", "active_job_topic" => "mäils" }
    expect(described_class.next(message_class.new({ headers: headers }))).to be_nil
  end

  it "says what is missing where the routes have no such topics" do
    app.routes.clear
    expect { waiting(1) }.to be_refused(/need `active_job_delays` in the routes/)
  end
end
