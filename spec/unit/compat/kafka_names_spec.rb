# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::Compat::KafkaNames do
  include ApplicationHelpers

  let(:kafka) { app.config.kafka }

  describe "times in seconds" do
    {
      session_timeout: [30, "session.timeout.ms", 30_000], heartbeat_interval: [10, "heartbeat.interval.ms", 10_000],
      offset_commit_interval: [0.5, "auto.commit.interval.ms", 500], connect_timeout: [10, "socket.connection.setup.timeout.ms", 10_000],
      socket_timeout: [30, "socket.timeout.ms", 30_000], max_wait_time: [1, "fetch.wait.max.ms", 1_000],
      rebalance_timeout: [300, "max.poll.interval.ms", 300_000], reconnect_timeout: [5, "reconnect.backoff.max.ms", 5_000]
    }.each do |name, (value, key, milliseconds)|
      it "#{name} #{value} is #{key} #{milliseconds}" do
        kafka.public_send(:"#{name}=", value)
        expect(kafka).to eq(key.to_sym => milliseconds)
        expect(kafka.public_send(name)).to eq(value)
      end
    end

    it "are not taken for milliseconds" do
      expect { kafka.session_timeout = 30_000 }
        .to be_refused(/config.kafka.session_timeout is 30000.*in seconds.*"session.timeout.ms": 30000/)
    end

    it "are numbers" do
      expect { kafka.socket_timeout = "30" }.to be_refused(/socket_timeout is "30", but must be a number of seconds/)
    end
  end

  it "renames what has the same meaning" do
    kafka.min_bytes = 1
    kafka.max_bytes = 2
    kafka.max_bytes_per_partition = 3
    expect(kafka).to eq("fetch.min.bytes": 1, "fetch.max.bytes": 2, "max.partition.fetch.bytes": 3)
  end

  it "sets ours where the setting is ours, in milliseconds" do
    kafka.pause_timeout = 60
    kafka.pause_exponential_backoff = false
    kafka.start_from_beginning = false
    kafka.automatically_mark_as_consumed = false
    expect(app.config.pause.to_h).to eq(timeout: 60_000, max_timeout: 60_000, with_exponential_backoff: false)
    expect(app.config.to_h).to include(initial_offset: "latest", manual_offset_management: true)
    expect(kafka).to be_empty
  end

  it "refuses what has no counterpart with the reason, and takes its neutral value" do
    kafka.offset_commit_threshold = 0
    kafka.offset_retention_time = nil
    { offset_commit_threshold: 100, offset_retention_time: 60, fetcher_max_queue_size: 11, sasl_oauth_token_provider: Object.new,
      assignment_strategy: Object.new }.each do |name, value|
      expect { kafka.public_send(:"#{name}=", value) }.to be_unsupported(/config.kafka.#{name} .*no counterpart: \S+/)
    end
  end

  it "takes them as keys of a Hash as well" do
    app.config.kafka = { seed_brokers: ["kafka://a:1"], "session_timeout" => 30 }
    expect(app.config.kafka).to eq("bootstrap.servers": "a:1", "session.timeout.ms": 30_000)
  end

  it "takes them in the block of a consumer group, for its topics alone" do
    setup
    klass = consumer_class
    app.consumer_groups.draw do
      consumer_group :slow do
        session_timeout 60
        offset_commit_interval 5
        max_wait_time 2
        pause_timeout 45
        start_from_beginning false
        topic(:videos) do
          consumer klass
          max_bytes_per_partition 1_024
        end
      end
      topic(:other) { consumer klass }
    end
    videos, other = app.routes.topics
    expect(videos.kafka).to eq(
      "bootstrap.servers": "127.0.0.1:9092", "session.timeout.ms": 60_000, "auto.commit.interval.ms": 5_000, "fetch.wait.max.ms": 2_000,
      "max.partition.fetch.bytes": 1_024
    )
    expect(videos).to have_attributes(pause_timeout: 45_000, pause_max_timeout: 45_000, initial_offset: "latest", max_wait_time: 0)
    expect([other.kafka, other.pause_timeout]).to eq([{ "bootstrap.servers": "127.0.0.1:9092" }, 1_000])
  end

  it "means milliseconds in a topic, where both generations have the name" do
    setup
    expect(topic { pause_timeout 10; max_wait_time 500 }.setting(:pause_timeout)).to eq(10) # rubocop:disable Style/Semicolon
  end

  describe "brokers and security" do
    it "knows kafka:// addresses, a port by default, and a comma-separated String" do
      {
        %w[kafka://a:1 kafka://b:2] => "a:1,b:2", "a:1, b" => "a:1,b:9092", ["kafka://a/"] => "a:9092", ["kafka://[::1]:5"] => "[::1]:5"
      }.each do |given, servers|
        kafka.clear
        kafka.seed_brokers = given
        expect(kafka).to eq("bootstrap.servers": servers)
      end
    end

    it "takes ssl:// and plaintext:// for the same" do
      kafka.seed_brokers = %w[ssl://a:1 kafka+ssl://b:2]
      expect(kafka.to_h).to include("bootstrap.servers": "a:1,b:2", "security.protocol": "ssl")
      kafka.seed_brokers = %w[plaintext://a:1 kafka://b:2]
      expect(kafka[:"bootstrap.servers"]).to eq("a:1,b:2")
    end

    it "takes kafka.ssl.ca_cert of 2016" do
      kafka.ssl.ca_cert = "PEM"
      expect([kafka[:"ssl.ca.pem"], kafka.ssl.ca_cert, kafka[:"security.protocol"]]).to eq(%w[PEM PEM ssl])
      expect { kafka.ssl.ca_crt = 1 }.to raise_error(NoMethodError)
    end

    it "takes settings without a counterpart where they ask for nothing" do
      neutral = {
        offset_commit_threshold: [0, -1], offset_retention_time: [nil, -1], fetcher_max_queue_size: [10, 100], compression_threshold: [1],
        max_buffer_bytesize: [10_000_000], sasl_plain_authzid: [""], sasl_oauth_token_provider: [nil, false], assignment_strategy: [nil]
      }
      neutral.each { |name, values| values.each { |value| kafka.public_send(:"#{name}=", value) } }
      expect(kafka.to_h.keys).to eq([])
      expect { kafka.offset_commit_threshold = 5 }.to raise_error(Karafka::Errors::UnsupportedFeatureError)
    end

    it "takes TLS from kafka+ssl://" do
      kafka.seed_brokers = %w[kafka+ssl://a:1 kafka+ssl://b:2]
      expect(kafka).to eq("bootstrap.servers": "a:1,b:2", "security.protocol": "ssl")
    end

    it "refuses mixed schemes, other schemes and nonsense, without showing a password" do
      expect { kafka.seed_brokers = %w[kafka://a:1 kafka+ssl://b:2] }.to be_refused(/all kafka:.* or all kafka\+ssl/)
      ["http://a:1", "a b", "kafka://a:1/topic", ""].each do |address|
        expect { kafka.seed_brokers = [address] }.to be_refused(/host:port/)
      end
      expect { kafka.seed_brokers = [] }.to be_refused(/a list such as/)
      expect { kafka.seed_brokers = ["kafka://me:s3cret@a:1"] }.to be_refused(/\A((?!s3cret).)*\z/)
    end

    it "translates certificates, the chain after the client's own whichever came first" do
      kafka.ssl_client_cert_chain = "CHAIN"
      kafka.ssl_client_cert = "OWN"
      kafka.ssl_client_cert_key = "KEY"
      kafka.ssl_client_cert_key_password = "secret"
      kafka.ssl_ca_cert = %w[CA1 CA2]
      kafka.ssl_verify_hostname = false
      expect(kafka).to eq(
        "ssl.certificate.pem": "OWN\nCHAIN", "ssl.key.pem": "KEY", "ssl.key.password": "secret", "ssl.ca.pem": "CA1\nCA2",
        "ssl.endpoint.identification.algorithm": "none", "security.protocol": "ssl"
      )
    end

    it "translates CA files and the system's" do
      kafka.ssl_ca_cert_file_path = "/etc/ca.pem"
      expect(kafka).to eq("ssl.ca.location": "/etc/ca.pem", "security.protocol": "ssl")
      kafka.clear
      kafka.ssl_ca_certs_from_system = true
      expect(kafka[:"ssl.ca.location"]).to eq("probe")
    end

    it "translates SASL, over TLS unless told otherwise, in any order" do
      kafka.sasl_scram_username = "me"
      kafka.sasl_scram_password = "secret"
      kafka.sasl_scram_mechanism = "sha512"
      expect(kafka).to eq(
        "sasl.username": "me", "sasl.password": "secret", "sasl.mechanisms": "SCRAM-SHA-512", "security.protocol": "sasl_ssl"
      )
      kafka.sasl_over_ssl = false
      expect(kafka[:"security.protocol"]).to eq("sasl_plaintext")
      kafka.seed_brokers = ["kafka+ssl://a:1"]
      expect(kafka[:"security.protocol"]).to eq("sasl_ssl")
    end

    it "translates PLAIN and GSSAPI" do
      kafka.sasl_plain_username = "me"
      expect(kafka[:"sasl.mechanisms"]).to eq("PLAIN")
      kafka.sasl_gssapi_principal = "kafka/host"
      kafka.sasl_gssapi_keytab = "/etc/keytab"
      expect(kafka).to include("sasl.mechanisms": "GSSAPI", "sasl.kerberos.principal": "kafka/host", "sasl.kerberos.keytab": "/etc/keytab")
      expect { kafka.sasl_scram_mechanism = "md5" }.to be_refused(/"sha256" or "sha512"/)
    end

    it "leaves a security.protocol that was written by its own name" do
      kafka["security.protocol"] = "sasl_plaintext"
      kafka.sasl_plain_username = "me"
      expect(kafka[:"security.protocol"]).to eq("sasl_plaintext")
    end
  end
end
