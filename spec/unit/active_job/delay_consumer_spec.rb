# frozen_string_literal: true

require "karafka/active_job"
require "support/testing_kit"

RSpec.describe Karafka::ActiveJob::DelayConsumer do
  include TestingKit

  let(:consumer) { karafka.consumer_for("active_job_delays_1s") }

  before { application { active_job_delays } }

  # Jobs that are due, each for one of these queues.
  def due(*queues)
    queues.each do |queue|
      headers = { "active_job_due_at" => "1", "active_job_topic" => queue }
      karafka.produce_to(consumer, "{}", key: "key of #{queue}", headers: headers)
    end
  end

  # Kafka refuses what is sent to the topic, at once or when it answers.
  def refuse(topic, at_once:)
    allow(Karafka.producer).to receive(:produce_async).and_wrap_original do |original, message|
      next original.call(message) unless message[:topic] == topic

      refusal = WaterDrop::Errors::ProduceError.new("no topic #{topic}")
      raise refusal if at_once

      instance_double(WaterDrop::DeliveryHandle).tap { |handle| allow(handle).to receive(:wait).and_raise(refusal) }
    end
  end

  def sent_to(topic) = karafka.produced_messages.select { |message| message[:topic] == topic }

  [true, false].each do |at_once|
    it "lets a job wait again that its queue refuses #{at_once ? "at once" : "in the end"}, and neither holds up nor repeats others" do
      refuse("missing", at_once: at_once)
      errors = []
      Karafka.monitor.subscribe("error.occurred") { |event| errors << [event[:type], event[:error].message] }
      due("before", "missing", "behind")
      run = karafka.run(consumer)
      expect([run.batches, run.position, sent_to("before").size, sent_to("behind").size]).to eq([[[0, 1, 2]], 3, 1, 1])
      expect(sent_to("active_job_delays_1m")).to contain_exactly(
        include(payload: "{}", key: "key of missing", headers: include("active_job_topic" => "missing"))
      )
      expect(errors).to include(["active_job.delay.error", "no topic missing"])
    end
  end

  it "has all that Kafka did not confirm come again where no topic of jobs that wait takes it" do
    refuse("default", at_once: false)
    due("before", "default", "behind")
    allow(Karafka.producer).to receive(:produce_sync).and_raise(WaterDrop::Errors::ProduceError, "no broker")
    run = karafka.run(consumer, attempts: 1)
    expect([run.position, run.errors.map(&:message)]).to eq([1, ["no broker"]])
  end

  it "tries again where a job cannot be sent to its next topic" do
    refuse("active_job_delays_1h", at_once: true)
    due_at = ((Time.now.to_f + 7_200) * 1_000).to_i.to_s
    karafka.produce_to(consumer, "{}", headers: { "active_job_due_at" => due_at, "active_job_topic" => "default" })
    expect(karafka.run(consumer, attempts: 2).errors.map(&:message)).to eq(["no topic active_job_delays_1h"] * 2)
  end
end
