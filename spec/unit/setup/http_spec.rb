# frozen_string_literal: true

RSpec.describe "config.http" do
  def with(**settings)
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:9092" }
      settings.each { |name, value| config.http.public_send(:"#{name}=", value) }
    end
    Karafka::App.config.validate!
  end

  it "is off, takes a port or a socket, and hides the token" do
    with
    expect(Karafka::App.config.http).to have_attributes(on?: false, bind: "127.0.0.1", partition_metrics: true)
    with(port: 0, token: "secret-token")
    expect(Karafka::App.config.http).to be_on
    expect(Karafka::App.config.http.token.inspect).to eq('"[hidden]"')
    expect(Karafka::App.config.to_display.inspect).not_to include("secret-token")
  end

  {
    { port: 65_536 } => /config\.http\.port is 65536, but must be an Integer from 0 to 65535/,
    { port: "80" } => /config\.http\.port/,
    { port: 65_535 } => /config\.http\.port.*at most 65533, so that 3 nodes of a swarm have ports behind it/,
    { bind: "" } => /config\.http\.bind.*0\.0\.0\.0/,
    { token: "short" } => /config\.http\.token.*8 to 1024 printable ASCII characters/,
    { token: "with a space" } => /config\.http\.token/,
    { socket: "x" * 200 } => /config\.http\.socket.*at most 103 bytes/,
    { polling_ttl: 0 } => /config\.http\.polling_ttl/,
    { prot: 80 } => /config\.http.*prot.*port/
  }.each do |settings, message|
    it "refuses #{settings.inspect[0, 40]}" do
      expect { with(**settings) }.to raise_error(Karafka::Errors::InvalidConfigurationError, message)
    end
  end
end
