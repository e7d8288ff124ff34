# frozen_string_literal: true

require "spec_helper"
require "support/free_ports"
require "support/kafka_cluster"
require "support/token_provider"

# A cluster of its own, with a listener for tokens that nobody signs, and one that asks a provider for its keys.
RSpec.describe "OAUTHBEARER on a real Kafka", deadline: 240 do
  before(:all) do
    @provider = TokenProvider.new
    @token_port, @oidc_port = FreePorts.take(2)
    jaas = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
    extra = "TOKEN://127.0.0.1:#{@token_port},OIDC://127.0.0.1:#{@oidc_port}"
    around = ENV.fetch("JAVA_TOOL_OPTIONS", nil)
    # Kafka 4 asks only for keys that an operator has allowed.
    ENV["JAVA_TOOL_OPTIONS"] = "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=#{@provider.url("keys")}"
    @cluster = KafkaCluster.new("oauth").up(
      properties: {
        "listeners" => "PLAINTEXT://127.0.0.1:PORT,CONTROLLER://127.0.0.1:CONTROLLER_PORT,#{extra}",
        "advertised.listeners" => "PLAINTEXT://127.0.0.1:PORT,#{extra}",
        "listener.security.protocol.map" => "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TOKEN:SASL_PLAINTEXT,OIDC:SASL_PLAINTEXT",
        "inter.broker.listener.name" => "PLAINTEXT",
        "listener.name.token.sasl.enabled.mechanisms" => "OAUTHBEARER",
        "listener.name.token.oauthbearer.sasl.jaas.config" => "#{jaas} unsecuredLoginStringClaim_sub=\"broker\";",
        "listener.name.token.oauthbearer.connections.max.reauth.ms" => "5000",
        "listener.name.oidc.sasl.enabled.mechanisms" => "OAUTHBEARER",
        "listener.name.oidc.oauthbearer.sasl.jaas.config" => "#{jaas};",
        "listener.name.oidc.oauthbearer.sasl.server.callback.handler.class" =>
          "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler",
        "listener.name.oidc.oauthbearer.sasl.oauthbearer.jwks.endpoint.url" => @provider.url("keys"),
        "listener.name.oidc.oauthbearer.sasl.oauthbearer.expected.audience" => "kafka"
      }
    )
    @cluster.create_topic("orders")
  ensure
    ENV["JAVA_TOOL_OPTIONS"] = around
  end

  after(:all) do
    @cluster&.down
    @provider&.close
  end

  let(:oidc) do
    { "security.protocol": "sasl_plaintext", "sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.method": "oidc",
      "bootstrap.servers": "127.0.0.1:#{@oidc_port}", "sasl.oauthbearer.token.endpoint.url": @provider.url("token"),
      "sasl.oauthbearer.client.id": TokenProvider::CLIENT, "sasl.oauthbearer.client.secret": TokenProvider::SECRET,
      "sasl.oauthbearer.scope": "produce" }
  end
  let(:kafka) do
    { "security.protocol": "sasl_plaintext", "sasl.mechanism": "OAUTHBEARER", "bootstrap.servers": "127.0.0.1:#{@token_port}" }
  end

  # Gives tokens, and remembers for whom.
  def listener(lifetime: 60, &instead)
    asked = @asked = Queue.new
    give = method(:give)
    Class.new do
      define_method(:on_oauthbearer_token_refresh) do |event|
        asked << event[:bearer].name
        next instead.call(event) if instead

        give.call(event, lifetime)
      end
    end.new
  end

  def give(event, lifetime = 60)
    expires = (Time.now.to_i + lifetime) * 1_000
    event[:bearer].oauthbearer_set_token(
      token: TokenProvider.unsecured("me", lifetime: lifetime), lifetime_ms: expires, principal_name: "me"
    )
  end

  def producer(kafka, listener = nil)
    WaterDrop::Producer.new do |config|
      config.kafka = kafka
      config.max_wait_timeout = 20_000
      config.logger = Logger.new(File::NULL)
      config.oauth.token_provider_listener = listener if listener
    end
  end

  def wait_until(what, seconds: 60)
    limit = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
    sleep(0.02) until yield || (raise "not within #{seconds} s: #{what}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > limit)
  end

  it "gives a producer its tokens, and the next one before the first has expired" do
    made = producer(kafka, listener(lifetime: 3))
    expect(made.produce_sync(topic: "orders", payload: "a").offset).to be >= 0
    wait_until("another token") { @asked.size >= 3 }
    expect(made.produce_sync(topic: "orders", payload: "b").offset).to be >= 1
  ensure
    made&.close
  end

  it "gives consumers and the application's producer their tokens" do
    seen = Queue.new
    consumer = Class.new(Karafka::BaseConsumer) { define_method(:consume) { messages.each { |message| seen << message.raw_payload } } }
    tokens = listener
    given = kafka
    Karafka::App.setup do |config|
      config.kafka = given
      config.oauth.token_provider_listener = tokens
    end
    Karafka::App.routes.draw { topic("orders") { consumer(consumer) } }
    Karafka::Embedded.start
    Karafka.producer.produce_sync(topic: "orders", payload: "through tokens")
    wait_until("the message") { seen.size.positive? && Array.new(seen.size) { seen.pop }.include?("through tokens") }
    expect(@asked.size).to be >= 2
  ensure
    Karafka::Embedded.stop
  end

  it "asks again after a listener has failed, and reports the error" do
    failures = 0
    made = producer(kafka, listener { |event| (failures += 1) == 1 ? raise(KeyError, "no credentials") : give(event) })
    errors = Queue.new
    made.monitor.subscribe("error.occurred") { |event| errors << [event[:type], event[:error].message] }
    expect(made.produce_sync(topic: "orders", payload: "a").offset).to be >= 0
    expect(Array.new(errors.size) { errors.pop }).to include(["oauthbearer.token_refresh.error", "no credentials"])
  ensure
    made&.close
  end

  it "keeps one connection over several tokens, and loses none of its messages" do
    made = producer(kafka.merge("statistics.interval.ms": 200), listener(lifetime: 4))
    connected = Queue.new
    made.monitor.subscribe("statistics.emitted") do |event|
      connected << [Karafka::Clock.now_ms, event[:statistics]["brokers"].values.sum { |it| it["connects"] }]
    end
    first = made.produce_sync(topic: "orders", payload: "a").offset
    sent = 1
    seen = []
    # The broker ends a connection that has not shown a new token for 5 seconds, so an older one has. On a busy machine a token
    # may come too late, so one such stretch is enough.
    until kept_ms(seen) > 7_000 && @asked.size >= 2
      made.produce_sync(topic: "orders", payload: "a")
      sent += 1
      seen.concat(Array.new(connected.size) { connected.pop })
    end
    expect(made.produce_sync(topic: "orders", payload: "b").offset).to eq(first + sent)
  ensure
    made&.close
  end

  # How long the number of connections has been what it is.
  def kept_ms(seen)
    return 0 if seen.empty?

    seen.last[0] - seen.reverse.take_while { |_, connects| connects == seen.last[1] }.last[0]
  end

  it "closes while a listener has not answered yet, and takes no token afterwards" do
    release = Queue.new
    given = Queue.new
    made = producer(kafka, listener { |event| given << [release.pop, give(event)] })
    made.produce_async(topic: "orders", payload: "a")
    wait_until("the question") { @asked.size == 1 }
    made.purge
    started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    made.close
    expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - started).to be < 15
    release << :late
    expect(given.pop).to eq([:late, false])
  end

  it "gives a forked child tokens of its own, while the parent's go on" do
    made = producer(kafka, listener(lifetime: 3))
    expect(made.produce_sync(topic: "orders", payload: "parent").offset).to be >= 0
    reader, writer = IO.pipe
    child = fork do
      reader.close
      before = @asked.size
      made.produce_sync(topic: "orders", payload: "child")
      wait_until("a refresh in the child") { @asked.size >= before + 2 }
      writer.write(made.produce_sync(topic: "orders", payload: "child").offset.to_s)
    rescue Exception => e # rubocop:disable Lint/RescueException -- told to the parent
      writer.write("#{e.class}: #{e.message}")
    ensure
      writer.close
      exit!(0)
    end
    writer.close
    expect(reader.read).to match(/\A\d+\z/)
    Process.wait(child)
    asked = @asked.size
    wait_until("a refresh in the parent") { @asked.size > asked }
    expect(made.produce_sync(topic: "orders", payload: "parent").offset).to be >= 1
  ensure
    made&.close
  end

  it "gets tokens of an OpenID provider, which the broker checks with the provider's keys" do
    made = producer(oidc)
    expect(made.produce_sync(topic: "orders", payload: "a").offset).to be >= 0
    expect(@provider.requests.last).to include("grant_type=client_credentials", "scope=produce")
  ensure
    made&.close
  end

  it "reports what the provider refuses, without the secret" do
    made = producer(oidc.merge("sasl.oauthbearer.client.secret": "wrong-one"))
    errors = Queue.new
    made.monitor.subscribe("error.occurred") { |event| errors << event[:error].message if event[:type].start_with?("oauth") }
    made.produce_async(topic: "orders", payload: "a")
    wait_until("the error") { errors.size.positive? }
    expect(errors.pop).to match(/answered 401 Unauthorized/).and(satisfy { |text| !text.include?("wrong-one") })
    expect([made, made.config, made.config.kafka].map(&:inspect).join).not_to include("wrong-one")
  ensure
    made&.purge
    made&.close
  end
end
