# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::Setup::BrokerList do
  include ApplicationHelpers

  it "takes what librdkafka can read" do
    servers = ["a", "a:9092", "10.0.0.1:9092,10.0.0.2:9093", "my_kafka:9092, b.example.org:1,", "SASL_SSL://a:9093", "ssl://a:1",
               "[::1]:9092", "[fe80::1]", "[fe80::1%eth0]:9092", "::1", "2001:db8::1", "a:9092\n", %w[a:1 b:2], nil, ""]
    servers.each { |value| expect { described_class.check!(value, "config.kafka") }.not_to raise_error, value.inspect }
  end

  {
    "kafka://a:9092" => %r{"kafka://a:9092" is not\. Leave kafka:// out: encryption is set with "security\.protocol"},
    "::1:19092" => /written in brackets: \[::1\]:19092/, "2001:db8::1:9092" => /written in brackets: \[2001:db8::1\]:9092/,
    "a:9092,b:99999" => /"b:99999" is not\.\z/, "a:0" => /is not/, "a:" => /is not/, ":9092" => /is not/, "a:port" => /is not/,
    9092 => /"9092" is not/, "http://a:1/x" => /is not/, "a b:1" => /is not/, "a:1;b:1" => /is not/
  }.each do |value, message|
    it "refuses #{value.inspect}, before any connection" do
      expect { setup("bootstrap.servers": value) }.to be_refused(/config\.kafka "bootstrap\.servers" is .*must be host:port.*#{message}/)
    end
  end

  it "shows no password that stands in an address" do
    ["kafka://me:hush@a:9092", "me:hush@a:9092,b:1"].each do |value|
      expect { setup("bootstrap.servers": value) }.to be_refused(/\[hidden\]@a:9092/) { |error|
                                                        expect(error.message).not_to include("hush")
                                                      }
    end
  end

  it "is asked for a producer's brokers, too" do
    expect { WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": "kafka://a:9092" } } }
      .to raise_error(WaterDrop::Errors::ConfigurationInvalidError, %r{must be host:port.*Leave kafka:// out})
  end
end
