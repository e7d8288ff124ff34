# frozen_string_literal: true

RSpec.describe "config.tracing and config.statsd" do
  def with(group, **settings)
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:9092" }
      settings.each { |name, value| config.public_send(group).public_send(:"#{name}=", value) }
    end
    Karafka::App.config.validate!
    Karafka::App.config.public_send(group)
  end

  it "are off" do
    expect(with(:tracing).endpoint).to be_nil
    expect(with(:statsd)).not_to be_on
    expect(Karafka::Instrumentation::Tracing.on?).to be(false)
  end

  it "take an endpoint, and hide its keys" do
    tracing = with(:tracing, endpoint: "http://[::1]:4318/otlp", headers: { "api-key" => "secret-key" }, sample_rate: 1)
    expect(tracing.to_native(Karafka::App.config))
      .to include(endpoint: "http://[::1]:4318/otlp", headers: { "api-key" => "secret-key" }, sample_rate: 1.0, max_queued_spans: 8_192)
    expect(tracing.to_native(Karafka::App.config)[:resource]).to include("service.name" => "karafka", "process.pid" => Process.pid.to_s)
    expect(Karafka::App.config.to_display.inspect).not_to include("secret-key")
  end

  it "take an agent, and give each node of a swarm a tag" do
    statsd = with(:statsd, host: "agent", tags: ["env:test"])
    expect(statsd).to be_on
    expect(statsd.to_native(nil)).to eq(host: "agent", port: 8_125, socket: nil, prefix: "karafka", tags: ["env:test"], tagged: true,
                                        interval_ms: 10_000)
    expect(statsd.to_native(2)[:tags]).to eq(%w[env:test node:2])
  end

  {
    [:tracing, { endpoint: "https://collector" }] => /config\.tracing\.endpoint is "https:.*without TLS/,
    [:tracing, { endpoint: "collector:4318" }] => /config\.tracing\.endpoint/,
    [:tracing, { headers: { "a b" => "c" } }] => /config\.tracing\.headers.*names and values of HTTP headers/,
    [:tracing, { headers: { "a" => "secret\n" } }] => /\A(?!.*secret).*config\.tracing\.headers/m,
    [:tracing, { sample_rate: 1.1 }] => /config\.tracing\.sample_rate is 1\.1, but must be a number from 0 to 1/,
    [:tracing, { sample_rate: Float::NAN }] => /config\.tracing\.sample_rate/,
    [:tracing, { max_queued_spans: 0 }] => /config\.tracing\.max_queued_spans/,
    [:tracing, { service_name: "" }] => /config\.tracing\.service_name/,
    [:statsd, { port: 0 }] => /config\.statsd\.port/,
    [:statsd, { tags: ["a,b"] }] => /config\.statsd\.tags.*without commas/,
    [:statsd, { prefix: "a b" }] => /config\.statsd\.prefix/,
    [:statsd, { host: "" }] => /config\.statsd\.host/
  }.each do |(group, settings), message|
    it "refuse #{group}.#{settings.inspect}" do
      expect { with(group, **settings) }.to raise_error(Karafka::Errors::InvalidConfigurationError, message)
    end
  end
end
