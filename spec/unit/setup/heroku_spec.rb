# frozen_string_literal: true

require "karafka/heroku"
require "open3"
require "rbconfig"
require "tmpdir"
require "support/certificates"

RSpec.describe "karafka/heroku" do
  before(:all) do
    @directory = Dir.mktmpdir("karafka-heroku")
    certificates = Certificates.new(File.join(@directory, "pem"))
    server = File.read(certificates.server)
    @authority = File.read(certificates.authority)
    @key = server[/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?PRIVATE KEY-----\n/m]
    @certificate = server[/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n/m]
  end

  after(:all) { FileUtils.rm_rf(@directory) }

  let(:addon) do
    { "KAFKA_URL" => "kafka+ssl://ec2-1.example:9096,kafka+ssl://ec2-2.example:9096", "KAFKA_TRUSTED_CERT" => @authority,
      "KAFKA_CLIENT_CERT" => @certificate, "KAFKA_CLIENT_CERT_KEY" => @key, "KAFKA_PREFIX" => "wabash-58799." }
  end

  let(:application) { <<~RUBY }
    require "karafka"
    require "karafka/heroku"
    class OrdersConsumer < Karafka::BaseConsumer
      def consume = nil
    end
    Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:9092", "linger.ms": 1 } }
    Karafka::App.routes.draw do
      topic(:orders) do
        consumer OrdersConsumer
        dead_letter_queue topic: "orders.dead"
      end
    end
    Karafka::App.boot!
  RUBY

  # A process of its own: the variables and what is loaded are those of a whole application.
  # @param variables [Hash{String=>String}] all that begin with KAFKA_
  # @return [Array(String, String)] standard output and standard error
  def ruby(variables, code)
    none = addon.transform_values { nil }.merge("DYNO" => nil)
    out, err, = Open3.capture3(none.merge(variables), RbConfig.ruby, "-I", File.expand_path("../../../lib", __dir__), "-e", code)
    [out, err]
  end

  it "takes brokers, certificates and the prefix, which win over what setup says; the rest of setup stays" do
    out, err = ruby(addon, <<~RUBY)
      #{application}
      kafka = Karafka::App.config.kafka
      p kafka.values_at(:"bootstrap.servers", :"security.protocol", :"ssl.endpoint.identification.algorithm", :"linger.ms")
      p [:"ssl.ca.pem", :"ssl.certificate.pem", :"ssl.key.pem"].map { |name| kafka[name].to_s.lines.first }
      topic = Karafka::App.routes.topics.first
      p topic.name, topic.subscription_name, topic.dead_letter_queue.kafka_topic, topic.consumer_group.id
      p Karafka::App.config.topic_mapper.incoming("wabash-58799.orders")
    RUBY
    expect(err).to eq("")
    expect(out.lines(chomp: true)).to eq(
      ['["ec2-1.example:9096,ec2-2.example:9096", "ssl", "none", 1]',
       '["-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\n"]',
       '"orders"', '"wabash-58799.orders"', '"wabash-58799.orders.dead"', '"wabash-58799.app"', '"orders"']
    )
  end

  it "sends what names a topic as the routes do to the one with the prefix, once, and keeps the application's own mappers" do
    out, err = ruby(addon.merge("KAFKA_URL" => "kafka://127.0.0.1:9"), <<~RUBY)
      #{application}
      Karafka::App.setup do |config|
        config.topic_mapper = Class.new(Karafka::Routing::TopicMapper) { def outgoing(topic) = "eu." + topic }.new
        config.consumer_mapper = ->(name) { "shop-" + name }
        config.producer { |producer| producer.client_class = WaterDrop::Clients::Buffered }
      end
      producer = Karafka.producer
      p [:orders, "wabash-58799.orders"].map { |topic| producer.produce_sync(topic: topic, payload: "1").topic }
      p Karafka::App.config.topic_mapper.outgoing("orders"), Karafka::App.config.consumer_mapper.call("app")
    RUBY
    expect(err).to eq("")
    expect(out.lines(chomp: true)).to eq(
      ['["wabash-58799.orders", "wabash-58799.orders"]', '"wabash-58799.eu.orders"', '"wabash-58799.shop-app"']
    )
  end

  it "works after setup as well, and takes PEM whose ends of lines are written as two characters" do
    flat = addon.transform_values { |value| value.gsub("\n", "\\n") }
    out, err = ruby(flat, <<~RUBY)
      require "karafka"
      Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:9092" } }
      require "karafka/heroku"
      p Karafka::App.config.kafka[:"bootstrap.servers"], Karafka::App.config.kafka[:"ssl.key.pem"].to_s.lines.size > 2
    RUBY
    expect([out, err]).to eq(["\"ec2-1.example:9096,ec2-2.example:9096\"\ntrue\n", ""])
  end

  it "changes nothing where no variable is set, and takes an address without TLS" do
    brokers = 'p Karafka::App.config.kafka.slice(:"bootstrap.servers", :"security.protocol")'
    expect(ruby({}, "#{application}\n#{brokers}")).to match([/127\.0\.0\.1:9092"}$/, ""])
    plain = { "KAFKA_URL" => "kafka://localhost:9093" }
    expect(ruby(plain, "#{application}\n#{brokers}")).to match([/localhost:9093", .*"plaintext"}$/, ""])
  end

  {
    "a dyno without the add-on" => [{ "KAFKA_URL" => nil, "DYNO" => "web.1" }, /KAFKA_URL is not set, and this is a dyno: see whether/],
    "certificates without an address" => [{ "KAFKA_URL" => "" }, /KAFKA_URL is not set, and KAFKA_TRUSTED_CERT, .* is: see whether/],
    "another kind of address" => [{ "KAFKA_URL" => "https://u:pass@a:1" }, %r{KAFKA_URL has "https://\[hidden\]@a:1", but must be kafka}],
    "a list of two kinds of addresses" => [{ "KAFKA_URL" => "kafka://a:1,kafka+ssl://b:1" }, %r{KAFKA_URL names both kafka:// and}],
    "a certificate that is missing" => [{ "KAFKA_CLIENT_CERT" => nil }, /KAFKA_CLIENT_CERT is not set, and KAFKA_URL says kafka\+ssl/],
    "an authority that is none" => [{ "KAFKA_TRUSTED_CERT" => "certs/ca.pem" }, /KAFKA_TRUSTED_CERT must be a certificate in PEM form/],
    "a key that is none" => [{ "KAFKA_CLIENT_CERT_KEY" => "secret" }, /KAFKA_CLIENT_CERT_KEY must be a private key without a passphrase/],
    "a key of another certificate" => [{ "KAFKA_CLIENT_CERT_KEY" => :other }, /KAFKA_CLIENT_CERT_KEY does not belong to KAFKA_CLIENT_CERT/]
  }.each do |what, (variables, message)|
    it "names the variable where there is #{what}" do
      other = OpenSSL::PKey::EC.generate("prime256v1").private_to_pem
      variables = variables.transform_values { |value| value == :other ? other : value }
      env = (variables.key?("DYNO") ? {} : addon).merge(variables)
      expect { Karafka::Heroku.apply(Karafka::Setup::Config.new, env) }.to raise_error(Karafka::Errors::InvalidConfigurationError) { |e|
        expect(e.message).to match(message)
        expect(e.message).not_to match(/pass@|PRIVATE KEY-----/)
      }
    end
  end
end
