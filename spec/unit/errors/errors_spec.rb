# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::Errors do
  it "has one ancestor for all" do
    classes = described_class.constants.map { |name| described_class.const_get(name) }
    expect(classes).to all(be <= Karafka::Errors::BaseError)
  end

  describe Karafka::Errors::KafkaError do
    it "carries librdkafka's symbol, whether it is fatal or retryable, and where" do
      error = described_class.new("no", code: "unknown_topic_or_part", retryable: true, topic: "x", partition: 3)
      expect([error.message, error.code, error.fatal?, error.retryable?, error.topic, error.partition])
        .to eq(["no", :unknown_topic_or_part, false, true, "x", 3])
      expect(described_class.new(code: :fenced, fatal: true)).to be_fatal
    end

    it "is what applications rescue as Rdkafka::RdkafkaError" do
      expect { raise described_class.new("no", code: :all_brokers_down) }
        .to raise_error(Rdkafka::RdkafkaError) { |error| expect(error.code).to eq(:all_brokers_down) }
    end
  end

  it "says where a message could not be decoded" do
    error = Karafka::Errors::DeserializationError.new(topic: "x", partition: 1, offset: 9)
    expect([error.message, error.topic, error.partition, error.offset]).to eq(["cannot decode message x/1@9", "x", 1, 9])
  end

  it "says that a feature is not supported yet, with a hint where there is one" do
    expect(Karafka::NotYet.error(:topic, :delegate_to).message).to match(/`delegate_to` is not supported yet.*call the other class/)
    expect(Karafka::NotYet.error(:group, :recurring_tasks).message)
      .to start_with("The routing setting `recurring_tasks` is not supported yet in karafka-rs #{Karafka::VERSION}")
  end
end
