# frozen_string_literal: true

require "support/application"

RSpec.describe Karafka::Admin::Iterator do
  before { Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:9092" } } }

  it "takes a key and other conditions, and connects to nothing before it is asked for messages" do
    expect(described_class.new("orders", key: "42")).to be_a(Enumerable)
    expect(described_class.new("orders", only: { json: { "dest" => "MSY" } }).each).to be_a(Enumerator)
  end

  it "refuses what it does not know" do
    expect { described_class.new("orders", keys: "42") }.to raise_error(ArgumentError, /unknown keyword: :keys/)
    expect { described_class.new([]) }.to raise_error(Karafka::Errors::InvalidConfigurationError, /topics is \[\]/)
    expect { described_class.new("orders", from: "soon") }.to raise_error(Karafka::Errors::InvalidConfigurationError, /from is "soon"/)
  end
end
