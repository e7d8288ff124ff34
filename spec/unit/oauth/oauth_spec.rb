# frozen_string_literal: true

require_relative "../../support/application"
require_relative "../../support/token_provider"

RSpec.describe "tokens for OAUTHBEARER" do
  let(:provider) { TokenProvider.new }
  let(:given) { [] }
  let(:bearer) do
    tokens = given
    Object.new.tap { |it| it.define_singleton_method(:oauthbearer_set_token) { |**token| tokens << token } }
  end

  after do
    provider.close
    Karafka::Oauth::Tokens.instance_variable_get(:@thread)&.kill&.join
  end

  def oidc(**more)
    given = { "token.endpoint.url" => provider.url("token"), "client.id" => TokenProvider::CLIENT,
              "client.secret" => TokenProvider::SECRET }
    settings = given.merge(more.transform_keys(&:to_s)).transform_keys { |key| "sasl.oauthbearer.#{key}" }
    # Loads what brings the HTTP client.
    Karafka::Oauth::Settings.for_engine(
      { "sasl.mechanisms" => "OAUTHBEARER", "security.protocol" => "SASL_SSL",
        "sasl.oauthbearer.method" => "oidc" }.merge(settings), nil, Karafka::Oauth::Listeners.new
    )
    Karafka::Oauth::Oidc.new(settings)
  end

  def ask(listener)
    listener.on_oauthbearer_token_refresh(Karafka::Instrumentation::Event.new("oauthbearer.token_refresh", { bearer: bearer }))
  end

  it "come from an OpenID provider, with what they say of themselves" do
    ask(oidc(scope: "produce consume", extensions: "traceId=7, tenant=a=b"))
    expect(provider.requests).to eq(["grant_type=client_credentials&scope=produce+consume"])
    expect(given).to match([{ token: /\A[\w-]+\.[\w-]+\.[\w-]+\z/, principal_name: TokenProvider::CLIENT, lifetime_ms: Integer,
                              extensions: { "traceId" => "7", "tenant" => "a=b" } }])
    expect(given.first[:lifetime_ms] / 1_000.0).to be_within(10).of(Time.now.to_i + 60)
  end

  it "are refused with the provider's answer, without the secret" do
    listener = oidc("client.secret": "wrong-one")
    expect { ask(listener) }.to raise_error(Karafka::Errors::TokenError, /answered 401 Unauthorized: .*invalid_client/)
    gone = oidc("token.endpoint.url": "http://127.0.0.1:1/token")
    expect { ask(gone) }.to raise_error(Karafka::Errors::TokenError, %r{no token from http://127.0.0.1:1/token: .*refused})
    [listener, gone].each { |it| expect(it.inspect).not_to match(/wrong-one|hush/) }
  end

  it "are refused in words where an answer is none, which may hold a token" do
    provider.answers << ["200 OK", "access_token=hush"] << ["200 OK", '["hush"]'] << ["200 OK", "{}"]
    listener = oidc
    2.times { expect { ask(listener) }.to raise_error(Karafka::Errors::TokenError, %r{/token answered without a JSON object\z}) }
    expect { ask(listener) }.to raise_error(Karafka::Errors::TokenError, /gave no access_token/)
    provider.answers << ["200 OK", '{"access_token":"opaque","expires_in":60}']
    ask(listener)
    expect(given.last).to include(token: "opaque", principal_name: TokenProvider::CLIENT)
  end

  describe "from listeners" do
    # Not made by the thread that serves: it may be killed meanwhile, and RSpec holds a lock then.
    let!(:rows) { Queue.new }
    let(:events) { Queue.new }
    let(:listeners) { Karafka::Oauth::Listeners.new { |name, payload| events << [name, payload[:error]&.message] } }

    before do
      allow(Karafka::Native).to receive(:oauth_wait) { [rows.pop] }
      allow(Karafka::Native).to receive(:oauth_set_token) { |*token| given << token }
      allow(Karafka::Native).to receive(:oauth_set_failure) { |*failure| given << failure }
      2.times { Karafka::Oauth::Tokens.start }
    end

    def want(client = 1, from: listeners, &answer)
      listener = Object.new.tap { |it| it.define_singleton_method(:on_oauthbearer_token_refresh, &answer) }
      rows << [client, from.number(listener), "rdkafka#producer-1", ""]
    end

    it "are asked for in a thread of their own, so a slow one holds up no other" do
      release = Queue.new
      want(0) { |_| release.pop }
      want(1) { |event| event[:bearer].oauthbearer_set_token(token: :t, lifetime_ms: 5, principal_name: "me", extensions: { a: 1 }) }
      expect(events.pop).to eq(["oauthbearer.token_refresh", nil])
      expect(given).to eq([[1, "t", 5, "me", { "a" => "1" }]])
      release << nil
    end

    it "are told of as missing where a listener raises, whatever it raises" do
      want { |_| raise KeyError, "no credentials" }
      expect(events.pop).to eq(["error.occurred", "no credentials"])
      want { |_| raise NotImplementedError, "no\xFF\0way".b }
      expect(events.pop.first).to eq("error.occurred")
      expect(given).to eq([[1, "KeyError: no credentials"], [1, "NotImplementedError: no\uFFFDway"]])
    end

    it "are told of as missing where a listener says nothing, or hangs" do
      want { |_| nil }
      expect(events.pop.last).to match(/called neither oauthbearer_set_token nor oauthbearer_set_token_failure of event\[:bearer\]/)
      stub_const("Karafka::Oauth::Tokens::LIMIT", 0.05)
      want { |_| Queue.new.pop }
      expect(events.pop.last).to match(/gave no token within 0.05 seconds/)
      expect(given.map(&:last)).to all(start_with("Karafka::Errors::TokenError: "))
    end

    it "may be refused by the listener itself" do
      want { |event| event[:bearer].oauthbearer_set_token_failure("not now") }
      expect(events.pop).to eq(["oauthbearer.token_refresh", nil])
      expect(given).to eq([[1, "not now"]])
    end

    it "go on after a subscriber that raises" do
      failing = Karafka::Oauth::Listeners.new { |*| raise "a subscriber" }
      Thread.report_on_exception = false
      want(7, from: failing) { |event| event[:bearer].oauthbearer_set_token_failure("a") }
      want(8) { |event| event[:bearer].oauthbearer_set_token_failure("b") }
      expect(events.pop.first).to eq("oauthbearer.token_refresh")
      Thread.pass until given.size == 2
      expect(given).to contain_exactly([7, "a"], [8, "b"])
    ensure
      Thread.report_on_exception = true
    end

    it "keep no listener of a producer that is gone" do
      made = Class.new
      make = ->(_) { Karafka::Oauth::Listeners.new { nil }.number(made.new) }
      # On a stack of its own, which is garbage afterwards.
      Thread.new { 20.times(&make) }.join
      GC.start
      expect(ObjectSpace.each_object(made).count).to be < 5
    end
  end

  it "go to the log of a producer that nobody listens to, with no secret" do
    log = StringIO.new
    config = WaterDrop::Config.new
    config.id = "p1"
    config.logger = Logger.new(log)
    listener = Object.new
    config.oauth.token_provider_listener = listener
    config.kafka = { "sasl.mechanism": "OAUTHBEARER", "security.protocol": "sasl_plaintext", "bootstrap.servers": "a:1" }
    number = config.native_kafka.fetch("oauth.listener").to_i
    expect(config.native_kafka.fetch("oauth.listener").to_i).to eq(number)
    allow(Karafka::Native).to receive(:oauth_set_failure)
    Karafka::Oauth::Tokens.instance_exec { ask(@entries[number], Karafka::Oauth::Bearer.new(1, "a", "")) }
    expect(log.string).to match(/ERROR .*\[p1\] oauthbearer\.token_refresh\.error: NoMethodError: /)
  end
end
