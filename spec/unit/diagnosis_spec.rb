# frozen_string_literal: true

require "spec_helper"
require "waterdrop"

RSpec.describe Karafka::Diagnosis do
  def advice(code, text = "", kafka = {}, **rest)
    described_class.of(code, text, kafka: kafka, **rest).advice
  end

  {
    "a port where nothing listens" =>
      [:transport, "a:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)", {},
       /nothing listens there.*"bootstrap.servers"/],
    "a host that does not answer" =>
      [:transport, "a:1/bootstrap: Connection setup timed out in state CONNECT (after 1000ms in state CONNECT)", {},
       /the host does not answer.*"bootstrap.servers".*firewall/],
    "a port that says nothing" =>
      [:transport, "a:1: Connection setup timed out in state SSL_HANDSHAKE (after 1000ms in state SSL_HANDSHAKE)",
       { "security.protocol": "ssl" }, /does not answer as Kafka does.*"security.protocol" \(it is "ssl"\)/],
    "an HTTP server" =>
      [:bad_msg, "a:1: Receive failed: Invalid response size 1213486160 (0..100000000): increase receive.message.max.bytes", {},
       /an HTTP server answers there.*"bootstrap.servers"/],
    "a server that says nothing" =>
      [:transport, "a:1/bootstrap: ApiVersionRequest failed: Local: Timed out: probably due to broker version < 0.10 (see " \
                   "api.version.request configuration) (after 10009ms in state APIVERSION_QUERY)", {},
       /takes connections there, but does not answer.*the right port.*a proxy/],
    "a name that cannot be resolved" =>
      [:resolve, "a:1/bootstrap: Failed to resolve 'a:1': Name or service not known", {},
       /cannot be resolved\. Check "bootstrap.servers"\z/],
    "the name of a broker that another one gave" => [:resolve, "a:1/2: Failed to resolve 'a:1'", {}, /advertised\.listeners/],
    "no TLS at a TLS port" =>
      [:transport, "a:1/bootstrap: Disconnected: receive 0 after POLLIN (after 2ms in state APIVERSION_QUERY)", {},
       /a TLS port, and "security.protocol" is "plaintext": a TLS port needs "ssl", or "sasl_ssl" with a login/],
    "SASL without TLS at a TLS port" =>
      [:transport, "a:1: Disconnected: receive 0 (after 2ms in state APIVERSION_QUERY)", { "security.protocol": "SASL_PLAINTEXT" },
       /is "sasl_plaintext": a TLS port needs "sasl_ssl"\z/],
    "no SASL at a SASL port" =>
      [:transport, "a:1: Disconnected (after 0ms in state UP)", {},
       /wants a login \(SASL\), and "security.protocol" is "plaintext": set "sasl_plaintext"/],
    "a broker that goes down soon after its first answers" =>
      [:transport, "a:1/1: Disconnected: connection closed by peer: receive 0 after POLLIN (after 315ms in state UP)", {},
       /\Athe connection to a broker failed\. It is tried again; nothing is lost\z/],
    "no SASL at a SASL port with TLS" =>
      [:transport, "ssl://a:1: Disconnected (after 0ms in state UP)", { "security.protocol": "ssl" }, /is "ssl": set "sasl_ssl"/],
    "TLS at a plain port" =>
      [:transport, "ssl://a:1: SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?",
       { "security.protocol": "ssl" }, /does not speak TLS, and "security.protocol" is "ssl": set "plaintext"/],
    "SASL at a plain port" =>
      [:authentication, "a: SASL PLAIN mechanism handshake failed: Broker: Request not valid: supported mechanisms:  (after 5ms in",
       { "security.protocol": "sasl_ssl" }, /takes no login \(SASL\), and "security.protocol" is "sasl_ssl": set "ssl"/],
    "a mechanism that is not offered" =>
      [:authentication, "a: handshake failed: Broker: Unsupported: broker's supported mechanisms: PLAIN,SCRAM-SHA-512 (after 3",
       { "sasl.mechanism": "SCRAM-SHA-256" }, /offers PLAIN,SCRAM-SHA-512, and "sasl.mechanism" is "SCRAM-SHA-256"/],
    "a wrong password" =>
      [:authentication, "a: SASL authentication error: Authentication failed: Invalid username or password", { "sasl.mechanism": "PLAIN" },
       /refuses the login\. Check "sasl.username" and "sasl.password"/],
    "an unknown authority" =>
      [:ssl, "ssl://a: SSL handshake failed: certificate verify failed: …", { "ssl.ca.location": "/ca.pem" },
       %r{unknown authority\. "ssl.ca.location" .*and is "/ca.pem"}],
    "an expired certificate" =>
      [:ssl, "ssl://a: certificate verify failed: …: the certificate of a has expired", {}, /certificate has expired.*"ssl.ca.location"/],
    "a certificate of another host" =>
      [:ssl, "ssl://a: certificate verify failed: …: the certificate of a is for another host name", {},
       /another host name than "bootstrap.servers"/]
  }.each do |what, (code, text, kafka, expected)|
    it "names the setting for #{what}" do
      expect(advice(code, text, kafka)).to match(expected)
    end
  end

  it "says who lacks which right on what" do
    user = { "sasl.username": "alice" }
    expect(advice(:topic_authorization_failed, "", user, topic: "orders",
                                                         writes: true)).to match(/alice, needs the right to WRITE to the topic orders/)
    expect(advice(:topic_authorization_failed, "", user, topic: "orders")).to match(/READ the topic orders/)
    expect(advice(:group_authorization_failed, "", {}, group: "shop")).to match(/"sasl.username" is not set.*READ the group shop/)
    expect(advice(:transactional_id_authorization_failed, "", user.merge("transactional.id": "t"))).to match(/"transactional.id" t/)
  end

  it "says how the members of a group come to one protocol, without stopping them where that is possible" do
    said = advice(:inconsistent_group_protocol, "", { "partition.assignment.strategy": "cooperative-sticky" }, group: "shop")
    expect(said).to match(/the group shop .*"partition.assignment.strategy".*"cooperative-sticky".*two deploys.*"group.protocol"/)
    expect(described_class.of(:inconsistent_group_protocol, "").lasting?).to be(true)
  end

  it "names the group of who uses an instance id twice" do
    expect(advice(:unreleased_instance_id, "", { "group.instance.id": "a" },
                  group: "shop")).to match(/group shop .*"group.instance.id" "a"/)
    expect(advice(:auto_offset_reset, "", {}, group: "shop")).to be_nil, "the engine says it with the offset"
  end

  it "leaves what it does not know as it is" do
    found = described_class.of(:invalid_request, "no")
    expect([found.explain("no"), found.about, found.lasting?]).to eq(["no", :client, false])
  end
end

RSpec.describe Karafka::Diagnosis::Reports do
  subject(:reports) { described_class.new({}, group: "shop", clock: -> { @now }) }

  before { @now = 100 }

  def down(code = :transport, text = "a:1/bootstrap: Connect to a failed: Connection refused (after #{rand(9)}ms in state CONNECT)", **rest)
    reports.report({ type: :error, group: "shop_0", code: code, message: text, fatal: false, **rest })&.first
  end

  it "says once what to look at, then at growing intervals with the number kept silent" do
    expect(down.message).to match(/Connection refused.*: nothing listens there\. Is Kafka running/)
    expect([down, down]).to eq([nil, nil])
    @now += 10
    expect(down.message).to match(/\(2 more since the last report\)/)
    @now += 10
    expect(down).to be_nil
    @now += 10
    expect(down).to be_a(Karafka::Errors::KafkaError)
  end

  it "says of all brokers what is known of the connections that failed, until they are back" do
    all_down = -> { down(:all_brokers_down, "1/1 brokers are down").message }
    expect(all_down.call).to match(/\Aall brokers are down: no broker can be reached\. Is Kafka running/)
    down(:ssl, "ssl://a:1/bootstrap: SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?")
    down(:transport, "ssl://a:1/bootstrap: Disconnected (after 1ms in state SSL_HANDSHAKE)")
    expect(all_down.call).to match(/\Aall brokers are down: that port does not speak TLS, and "security.protocol" is/)
    reports.back
    @now += 2
    reports.recovered
    expect(all_down.call).to match(/\Aall brokers are down: no broker can be reached/)
  end

  it "says that brokers are back, once they stay" do
    3.times { down }
    reports.back
    expect(reports.recovered).to be_nil
    down # It was refused after it had connected.
    @now += 12
    expect(reports.recovered).to be_nil
    reports.back
    @now += 1
    expect(reports.recovered).to match(/brokers are reached again after 13 s, in which 4 errors were reported/)
    expect(reports.recovered).to be_nil
    expect(down).not_to be_nil
  end

  it "says nothing of brokers that come where there was no outage" do
    reports.back
    @now += 5
    expect([reports.recovered, reports.over]).to eq([nil, nil])
  end

  it "knows the codes with librdkafka's underscore, too" do
    expect(down(:_transport).code).to eq(:transport)
  end

  it "repeats no missing right, and tells that of another topic" do
    expect(down(:topic_authorization_failed, "no", topic: "orders").topic).to eq("orders")
    expect(down(:topic_authorization_failed, "no", topic: "orders")).to be_nil
    expect(down(:topic_authorization_failed, "no", topic: "bills").topic).to eq("bills")
  end

  it "passes on fatal ones always" do
    2.times { expect(down(:transport, fatal: true)).to be_fatal }
  end
end
