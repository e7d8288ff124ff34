# frozen_string_literal: true

require "karafka/compat/ruby-kafka"

RSpec.describe Kafka do
  let(:kafka) { described_class.new("127.0.0.1:9", client_id: "spec") }

  def setting(client, name) = client.instance_variable_get(:@settings).with({})[name]

  describe ".new" do
    it "takes brokers as an argument, a list, or seed_brokers:" do
      brokers = [["one:9092"], [%w[one two:9093]]].map { |args| setting(described_class.new(*args), :"bootstrap.servers") }
      brokers << setting(described_class.new(seed_brokers: ["kafka://three:1"]), :"bootstrap.servers")
      expect(brokers).to eq(["one:9092", "one:9092,two:9093", "three:1"])
    end

    it "has ruby-kafka's name for itself where none is given" do
      expect([setting(described_class.new("one"), :"client.id"), setting(kafka, :"client.id")]).to eq(%w[ruby-kafka spec])
    end

    it "takes times in seconds" do
      client = described_class.new("one", connect_timeout: 3, socket_timeout: 45)
      expect([setting(client, :"socket.connection.setup.timeout.ms"), setting(client, :"socket.timeout.ms")]).to eq([3_000, 45_000])
    end

    it "gives a question up after the time to connect and to get an answer, which are 10 seconds each", deadline: 20 do
      client = described_class.new("127.0.0.1:9", connect_timeout: 1, socket_timeout: 1)
      expect { client.topics }.to raise_error(Kafka::ConnectionError, /no answer within (1[89]\d\d|2000) ms: .*Is Kafka running/)
      expect([client, kafka].map { |one| one.instance_variable_get(:@settings).patience }).to eq([2, 20])
      expect(kafka.send(:admin, 30).instance_variable_get(:@connection).max_wait_time).to eq(30_000)
    end

    it "refuses a name that it does not have" do
      expect { described_class.new("one", ssl_certt: 1) }.to raise_error(ArgumentError, "unknown keyword: :ssl_certt")
    end

    it "shows no settings, as they may be secret" do
      client = described_class.new("one", sasl_plain_username: "u", sasl_plain_password: "secret", sasl_over_ssl: false)
      expect(client.inspect).to eq("#<Kafka::Client ruby-kafka>")
    end
  end

  describe "security" do
    it "refuses SASL without SSL, unless it is told that this is meant" do
      login = { sasl_plain_username: "u", sasl_plain_password: "p" }
      expect { described_class.new("one", **login) }.to raise_error(ArgumentError, /SASL authentication requires that SSL is configured/)
      expect(setting(described_class.new("one", **login, sasl_over_ssl: false), :"security.protocol")).to eq("sasl_plaintext")
      expect(setting(described_class.new("one", **login, ssl_ca_certs_from_system: true), :"security.protocol")).to eq("sasl_ssl")
    end

    it "knows SCRAM, PLAIN and GSSAPI" do
      scram = described_class.new("one", sasl_scram_username: "u", sasl_scram_password: "p", sasl_scram_mechanism: "sha512",
                                         sasl_over_ssl: false)
      gssapi = described_class.new("one", sasl_gssapi_principal: "kafka/x@Y", sasl_gssapi_keytab: "/k", sasl_over_ssl: false)
      expect([setting(scram, :"sasl.mechanisms"), setting(gssapi, :"sasl.mechanisms")]).to eq(%w[SCRAM-SHA-512 GSSAPI])
    end

    it "takes certificates as text, and leaves the host's name unchecked where that is asked for" do
      client = described_class.new("one", ssl_ca_cert: "CA", ssl_client_cert: "CERT", ssl_client_cert_key: "KEY",
                                          ssl_verify_hostname: false)
      expect(%i[security.protocol ssl.ca.pem ssl.certificate.pem ssl.key.pem ssl.endpoint.identification.algorithm]
        .map { |name| setting(client, name).to_s }).to eq(%w[ssl CA CERT KEY none])
    end

    it "does not take over the settings of a Karafka application" do
      expect(setting(kafka, :"security.protocol")).to eq("plaintext")
    end

    it "asks an object with `token` for tokens, and reads when they expire" do
      body = [JSON.generate(sub: "me", exp: 2_000_000_000)].pack("m0").tr("+/", "-_").delete("=")
      provider = Struct.new(:token, :extensions).new("x.#{body}.y", { "a" => "b" })
      client = described_class.new("one", sasl_oauth_token_provider: provider, sasl_over_ssl: false)
      bearer = double
      expect(bearer).to receive(:oauthbearer_set_token).with(
        token: provider.token, lifetime_ms: 2_000_000_000_000, principal_name: "me", extensions: { "a" => "b" }
      )
      client.instance_variable_get(:@settings).tokens.on_oauthbearer_token_refresh(bearer: bearer)
      expect(setting(client, :"sasl.mechanisms")).to eq("OAUTHBEARER")
    end

    it "reports a provider that raises, and refuses one without `token`" do
      provider = Class.new { def token = raise("no luck") }.new
      client = described_class.new("one", sasl_oauth_token_provider: provider, sasl_over_ssl: false)
      bearer = double
      expect(bearer).to receive(:oauthbearer_set_token_failure).with("RuntimeError: no luck")
      client.instance_variable_get(:@settings).tokens.on_oauthbearer_token_refresh(bearer: bearer)
      expect { described_class.new("one", sasl_oauth_token_provider: Object.new, sasl_over_ssl: false) }
        .to raise_error(Kafka::TokenMethodNotImplementedError, "Object has no method token")
    end

    it "says what to do instead of AWS_MSK_IAM" do
      expect { described_class.new("one", sasl_aws_msk_iam_access_key_id: "x") }.to raise_error(ArgumentError, /OAUTHBEARER/)
    end
  end

  describe "errors" do
    it "are all below Kafka::Error, and what brokers answer below Kafka::ProtocolError" do
      errors = described_class.constants.map { |name| described_class.const_get(name) }
                              .select { |found| found.is_a?(Class) && found <= Exception } - [Kafka::Error]
      expect(errors.reject { |error| error <= Kafka::Error }).to eq([])
      expect(errors.size).to be >= 60
      expect(Kafka::UnknownTopicOrPartition).to be < Kafka::ProtocolError
      expect(Kafka::FailedScramAuthentication).to be < Kafka::SaslScramError
    end

    it "come from the engine's, which are their cause" do
      error = Karafka::Errors::KafkaError.new("no", code: :topic_already_exists)
      expect { Kafka::ErrorNames.translated { raise error } }.to raise_error(Kafka::TopicAlreadyExists, "no") { |raised|
        expect(raised.cause).to be(error)
      }
    end

    it "are unknown, connection or argument errors where there is no name" do
      expect { Kafka::ErrorNames.translated { raise Karafka::Errors::KafkaError.new("x", code: :whatever) } }
        .to raise_error(Kafka::UnknownError)
      expect { Kafka::ErrorNames.translated { raise Karafka::Errors::TimeoutError, "x" } }.to raise_error(Kafka::ConnectionError)
      expect { Kafka::ErrorNames.translated { raise Karafka::Errors::InvalidConfigurationError, "x" } }.to raise_error(ArgumentError)
    end

    it "carry what they are about" do
      failed = Kafka::DeliveryFailed.new("no", [1])
      processing = Kafka::ProcessingError.new("t", 1, 7)
      expect([failed.failed_messages, processing.topic, processing.partition, processing.offset]).to eq([[1], "t", 1, 7])
    end
  end

  describe Kafka::Partitioner do
    def message(key: nil, partition_key: nil)
      Kafka::PendingMessage.new(value: "v", key: key, topic: "t", partition: nil, partition_key: partition_key, create_time: Time.now)
    end

    it "goes by crc32 of the partition key, else of the key" do
      partitioner = described_class.new
      expect(partitioner.call(7, message(key: "yolo"))).to eq(Zlib.crc32("yolo") % 7)
      expect(partitioner.call(7, message(key: "yolo", partition_key: "other"))).to eq(Zlib.crc32("other") % 7)
      expect(partitioner.call(7, message(key: ""))).to eq(0)
      expect(Array.new(200) { partitioner.call(3, message) }.uniq.sort).to eq([0, 1, 2])
    end

    # The values that librdkafka and Java's producer are tested with.
    it "has Java's murmur2 as well" do
      partitioner = described_class.new(hash_function: :murmur2)
      known = { "21" => -973_932_308, "foobar" => -790_332_482, "a-little-bit-long-string" => -985_981_536,
                "a-little-bit-longer-string" => -1_486_304_829, "abc" => 479_470_107 }
      known.each { |key, hash| expect(partitioner.call(1_000, message(key: key))).to eq((hash & 0x7fffffff) % 1_000) }
    end

    it "refuses other functions, and topics without partitions" do
      expect { described_class.new(hash_function: :md5) }.to raise_error(ArgumentError, /:crc32 or :murmur2/)
      expect { described_class.new.call(0, message(key: "a")) }.to raise_error(ArgumentError, /partition_count is 0/)
    end
  end

  describe Kafka::Interceptors do
    it "hands on what each gives, and passes over one that raises" do
      warned = []
      logger = Struct.new(:warned) { def warn(text) = warned << text }.new(warned)
      chain = [->(text) { "#{text}1" }, ->(_) { raise "no" }, ->(text) { "#{text}2" }]
      expect(described_class.new(interceptors: chain, logger: logger).call("x")).to eq("x12")
      expect(warned).to eq(["the interceptor Proc raised RuntimeError: no; it was passed over"])
    end

    it "refuses what cannot be called" do
      expect do
        described_class.new(interceptors: [1], logger: nil)
      end.to raise_error(ArgumentError, "interceptors has 1, but each must answer to call")
    end
  end

  describe Kafka::Pause do
    let(:pause) { described_class.new }

    it "lasts until it is resumed, or for its time, which doubles up to a limit until a batch is processed" do
      pause.pause!(timeout: nil)
      expect([pause.paused?, pause.left]).to eq([true, nil])
      pause.resume!
      expect(pause.paused?).to be(false)
      pause.reset!
      times = Array.new(4) { pause.pause!(timeout: 2, max_timeout: 10, exponential_backoff: true) }
      pause.reset!
      expect(times << pause.pause!(timeout: 2, exponential_backoff: true)).to eq([2, 4, 8, 10, 2])
      expect(pause.left).to be_within(0.5).of(2)
    end

    it "has no back-off without a time" do
      expect { pause.pause!(timeout: nil, exponential_backoff: true) }.to raise_error(ArgumentError, /needs a timeout/)
    end
  end

  describe Kafka::Instrumenter do
    it "builds nothing where nobody listens" do
      expect(described_class.new.listening?("x.y")).to be(false)
      expect(described_class.new.instrument("x.y", { a: 1 }) { |payload| payload[:a] }).to eq(1)
      expect(described_class.new.instrument("x.y")).to be_nil
    end
  end
end
