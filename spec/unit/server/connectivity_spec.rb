# frozen_string_literal: true

RSpec.describe Karafka::Engine::Connectivity do
  subject(:connectivity) { described_class.new(-> { @now }) }

  before { @now = 100 }

  def down(code = :all_brokers_down, **rest)
    connectivity.report({ type: :error, group: "app_0", code: code, message: "1/1 brokers are down", fatal: false, **rest })
  end

  it "says once what to look at, then at growing intervals with the number kept silent" do
    expect(down.message).to match(%r{1/1 brokers are down: no broker can be reached\. Is Kafka running})
    expect([down, down]).to eq([nil, nil])
    @now += 10
    expect(down.message).to match(/\(2 more since the last report\)/)
    @now += 10
    expect(down).to be_nil
    @now += 10
    expect(down).to be_a(Karafka::Errors::KafkaError)
  end

  it "begins anew once a broker was reached" do
    down
    connectivity.reached("app_0")
    expect(down).not_to be_nil
  end

  it "knows the codes with librdkafka's underscore, too" do
    expect(down(:_transport).code).to eq(:transport)
  end

  it "says each time what to look at where a topic is missing" do
    2.times { expect(down(:unknown_topic_or_part).message).to match(/compare the name with `karafka routes`/) }
  end

  it "passes on every other error, and fatal ones always" do
    2.times { expect(down(:topic_authorization_failed, topic: "orders").topic).to eq("orders") }
    2.times { expect(down(:transport, fatal: true)).to be_fatal }
  end
end
