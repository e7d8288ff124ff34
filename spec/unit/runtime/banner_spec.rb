# frozen_string_literal: true

require "support/routes"

RSpec.describe Karafka::Banner do
  def lines(kafka = {}, &)
    Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "kafka:9092", **kafka } }
    Karafka::App.routes.clear
    Karafka::App.routes.draw(&)
    described_class.lines(Karafka::App.routes.flat_map(&:subscription_groups), 5)
  end

  let(:consumer) { Class.new(Karafka::BaseConsumer) { def consume; end } }

  it "says versions, workers, and which group is joined for which topics, and how long that may take" do
    klass = consumer
    first, joining = lines do
      consumer_group(:shop) do
        topic(:orders) { consumer klass }
        topic(:bills) { consumer klass }
      end
    end
    expect(first).to match(/\AKarafka #{Karafka::VERSION}, librdkafka [\d.]+, Ruby .*, #{Karafka.env}, 5 workers\z/)
    expect(joining).to eq("[shop_0] Joining group shop for orders, bills at kafka:9092 (up to 45 s, where a member was killed)")
  end

  it "takes the time from the settings, and knows groups that the broker shares out or nobody does" do
    klass = consumer
    draw = proc { topic(:orders) { consumer klass } }
    expect(lines({ "session.timeout.ms": 6_000 }, &draw).last).to include("up to 6 s")
    expect(lines({ "group.protocol": "consumer" }, &draw).last).to include("the broker decides")
    Karafka::BuiltInBroker.announced("127.0.0.1:9") do
      expect(lines({ "bootstrap.servers": "127.0.0.1:9" }, &draw).last).to include("up to 2 s")
      expect(lines({ "bootstrap.servers": "127.0.0.1:9", "heartbeat.interval.ms": 9_000 }, &draw).last).to include("up to 45 s")
    end
    assigned = proc do
      topic(:orders) do
        consumer klass
        assign true
      end
    end
    expect(lines(&assigned).last).to match(/Consuming orders from kafka:9092 for the group app/)
  end
end
