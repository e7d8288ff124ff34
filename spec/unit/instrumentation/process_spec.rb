# frozen_string_literal: true

RSpec.describe "what is told about the process" do
  describe Karafka::Process do
    after { described_class.tags.clear }

    it "has tags" do
      described_class.tags.add(:commit, "1a2b")
      described_class.tags.add("commit", "3c4d")
      described_class.tags.add(:region, :eu)
      expect(described_class.tags.to_a).to eq(%w[3c4d eu])
      described_class.tags.delete(:region)
      expect(described_class.tags.to_h).to eq(commit: "3c4d")
    end
  end

  describe Karafka::Status do
    subject(:status) { described_class.new }

    it "emits an event for each change, once" do
      seen = 0
      Karafka.monitor.subscribe("app.running") { seen += 1 }
      2.times { status.running! }
      expect([seen, status.running?, status.done?, status.to_s]).to eq([1, true, false, "running"])
      status.stopping!
      expect(status.done?).to be(true)
    end
  end

  describe Karafka::Instrumentation::ProctitleListener do
    it "shows the status" do
      titles = []
      allow(Process).to receive(:setproctitle) { |title| titles << title }
      Karafka.monitor.subscribe(described_class.new)
      Karafka.monitor.instrument("app.running")
      expect(titles).to eq(["karafka karafka (running)"])
    end
  end

  describe Karafka::Instrumentation::Logger do
    it "takes its level from KARAFKA_LOG_LEVEL, else from the environment" do
      Karafka.env = "test"
      expect(described_class.new(StringIO.new).level).to eq(Logger::ERROR)
      Karafka.env = "production"
      expect(described_class.new(StringIO.new).level).to eq(Logger::INFO)
      expect(described_class.new(StringIO.new, level: "debug").level).to eq(Logger::DEBUG)
    ensure
      Karafka.refresh!
    end
  end

  describe Karafka::Instrumentation::Vendors do
    it "says of others that they are not supported yet" do
      expect { Karafka::Instrumentation::Vendors::Sentry::ErrorsListener }
        .to raise_error(Karafka::Errors::UnsupportedFeatureError, /Vendors::Sentry is not supported yet/)
    end
  end

  describe Karafka::Server do
    it "has an id, and nothing else, while it does not run" do
      expect(described_class.id).to match(/:#{Process.pid}:/)
      expect([described_class.workers.to_a, described_class.listeners, described_class.state]).to eq([[], [], nil])
      expect { described_class.stop && described_class.quiet }.not_to raise_error
    end
  end
end
