# frozen_string_literal: true

# `karafka broker` would answer with nothing, with what is wrong, or not at all.
RSpec.describe Karafka::Admin, "asking `karafka broker`" do
  let(:address) { "127.0.0.1:9" }
  let(:admin) { described_class.new(kafka: { "bootstrap.servers": address }) }

  it "says at once that it has no administration" do
    Karafka::BuiltInBroker.announced(address) do
      [-> { admin.cluster_info }, -> { admin.consumer_groups.committed_offsets("shop") }, -> { admin.iterator("orders").first },
       -> { admin.create_topic("orders", 1, 1) }].each do |call|
        expect(&call).to raise_error(Karafka::Errors::KafkaError, /127\.0\.0\.1:9 is `karafka broker`.*no administration.*real Kafka/)
      end
    end
  end
end
