# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::Setup::KafkaSettings do
  include ApplicationHelpers

  let(:settings) { described_class.new("bootstrap.servers" => "a:1", acks: "all") }

  it "is a Hash in which Strings and Symbols are the same key" do
    settings["client.id"] = "x"
    expect(settings).to be_a(Hash)
    expect(settings).to eq("bootstrap.servers": "a:1", acks: "all", "client.id": "x")
    expect([settings[:"client.id"], settings["client.id"], settings.fetch("client.id")]).to all(eq("x"))
    expect(settings).to have_key("client.id")
    expect(settings.delete("client.id")).to eq("x")
    expect(settings.merge("acks" => 1)).to eq("bootstrap.servers": "a:1", acks: 1)
    expect(settings[:acks]).to eq("all")
  end

  it "gives librdkafka Strings, without what is nil" do
    settings.merge!("linger.ms": 5, "enable.idempotence": true, debug: %w[cgrp topic], "client.id": nil)
    expect(settings.to_librdkafka).to eq(
      "bootstrap.servers" => "a:1", "acks" => "all", "linger.ms" => "5", "enable.idempotence" => "true", "debug" => "cgrp,topic"
    )
  end

  it "takes bytes for UTF-8 where Ruby has no encoding for them, and refuses what is none, by its name" do
    # As a variable of the environment is without LANG, and what Base64 gives.
    [Encoding::US_ASCII, Encoding::BINARY].each do |encoding|
      settings["sasl.password"] = "gemüse".dup.force_encoding(encoding)
      expect(settings.to_librdkafka.fetch("sasl.password")).to eq("gemüse")
    end
    { "client.id": "a\xFF", "sasl.password": "\xFF".b, "bootstrap.servers": ["a:1", "b\xFF:1"] }.each do |name, value|
      expect { setup(**{ "bootstrap.servers": "a:1" }, name => value) }.to be_refused(/sets "#{name}" to a text that is not valid UTF-8/)
    end
    expect { settings["a\xFF"] = 1 }.to be_refused(/has the key "a\\xFF"/)
    expect { setup { |config| config.log_format = "\xFF" } }.to be_refused(/config.log_format is "\\xFF", but must be /)
  end

  it "names the nearest of the 1.x names too" do
    expect { settings.sed_brokers = [] }.to be_refused(/Did you mean `config.kafka.seed_brokers`/)
    expect { settings.no_such_reader }.to raise_error(NoMethodError)
  end

  it "keeps copies apart" do
    copy = settings.dup
    copy.seed_brokers = ["kafka+ssl://b:2"]
    expect(settings).to eq("bootstrap.servers": "a:1", acks: "all")
    expect(copy).to include("bootstrap.servers": "b:2", "security.protocol": "ssl")
  end

  it "refuses a value that is no text, by its name, and shows no secret" do
    wrong = [-> {}, {}, Object.new, [["a"]], [nil, -> {}]]
    wrong.each do |value|
      expect { Karafka::Setup::KafkaContract.check!(settings.merge("client.id": value)) }
        .to be_refused(/sets "client.id" to .*, but it must be a String, a Symbol, a number/), value.inspect
    end
    expect { Karafka::Setup::KafkaContract.check!(settings.merge("sasl.password": ["x", -> {}])) }.to be_refused(/to \[hidden\]/)
    fine = { "client.id": :name, "ssl.ca.location": Pathname("/ca.pem"), debug: %i[cgrp topic], "linger.ms": 5.0, "check.crcs": true }
    expect { Karafka::Setup::KafkaContract.check!(settings.merge(fine)) }.not_to raise_error
  end

  describe Karafka::Setup::AttributesMap do
    it "says which settings belong to which client, keys as they came" do
      all = { "bootstrap.servers": "a:1", "linger.ms": 5, "session.timeout.ms" => 10 }
      expect(described_class.consumer(all)).to eq("bootstrap.servers": "a:1", "session.timeout.ms" => 10)
      expect(described_class.producer(all)).to eq("bootstrap.servers": "a:1", "linger.ms": 5)
    end
  end
end
