# frozen_string_literal: true

require_relative "../../spec_helper"
require_relative "../../support/example_process"
require_relative "../../support/kafka_cluster"

# examples/ruby_kafka: a consumer with configuration in YAML that fails now and then, pauses, and is stopped by a signal; a producer
# that was made before a fork.
RSpec.describe "an application written for ruby-kafka, on real Kafka" do
  include Wait

  let(:cluster) { KafkaCluster.shared }
  let(:env) do
    { "KAFKA_BROKERS" => cluster.bootstrap_servers, "ORDERS_TOPIC" => cluster.create_topic(partitions: 3),
      "BILLING_GROUP" => "spec-#{SecureRandom.hex(6)}" }
  end

  after { @processes&.each(&:close) }

  def start(script, *arguments)
    ExampleProcess.new("ruby_kafka/#{script}", *arguments, required: "karafka/compat/ruby-kafka", env: env).tap do |one|
      (@processes ||= []) << one
    end
  end

  it "bills each order, those of a shop in order, through failures and a stop by TERM" do
    billing = start("billing.rb")
    expect(start("shop.rb", 100).wait).to eq(0)
    expected = [0, 1].product([*0...100]).map { |shop, number| "#{shop} #{number}" }
    wait_until("200 orders", seconds: 90) { billing.output.uniq.size >= 200 }
    billing.signal(:TERM)
    expect(billing.wait).to eq(0)
    *orders, last = billing.output
    expect([orders.uniq.sort, last]).to eq([expected.sort, "stopped"])
    2.times do |shop|
      expect(orders.uniq.grep(/\A#{shop} /)).to eq(expected.grep(/\A#{shop} /))
    end
    expect(billing.errors.scan("(CardMachine::OutOfOrder)").size).to eq(4)
    # What was processed is committed: the next process has nothing to do but the next order.
    expect(start("shop.rb", 1).wait).to eq(0)
    again = start("billing.rb")
    wait_until("two more") { again.output.size >= 2 }
    again.signal(:TERM)
    again.wait
    expect(again.output.first(2).sort).to eq(["0 0", "1 0"])
  end
end
