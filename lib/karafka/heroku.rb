# frozen_string_literal: true

require "openssl"
require_relative "../karafka" unless defined?(Karafka::App)

module Karafka
  # Heroku's Kafka add-on says in environment variables where the cluster is, with which certificates one gets in, and what names begin
  # with. `require "karafka/heroku"` at the top of karafka.rb takes them; they win over what `setup` says. Where none of them is set, as
  # on a machine for development, it changes nothing.
  #
  # @example karafka.rb
  #   require "karafka/heroku"
  #
  #   Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:9092" } }
  module Heroku
    URL = "KAFKA_URL"
    PREFIX = "KAFKA_PREFIX"
    AUTHORITY = "KAFKA_TRUSTED_CERT"
    CERTIFICATE = "KAFKA_CLIENT_CERT"
    KEY = "KAFKA_CLIENT_CERT_KEY"
    NAMES = [URL, AUTHORITY, CERTIFICATE, KEY, PREFIX].freeze
    PEM = { AUTHORITY => :"ssl.ca.pem", CERTIFICATE => :"ssl.certificate.pem", KEY => :"ssl.key.pem" }.freeze
    PROTOCOLS = { "kafka" => "plaintext", "kafka+ssl" => "ssl" }.freeze
    ADDRESS = %r{\A(?<scheme>kafka|kafka\+ssl)://(?<broker>[^\s/:@]+:\d{1,5})/?\z}
    ATTACHED = "see whether the add-on is attached to this app (`heroku addons`), and whether its variables are those without a " \
               "colour in their names (`heroku config`)"
    private_constant :NAMES, :PEM, :PROTOCOLS, :ADDRESS, :ATTACHED

    # A `topic_mapper` for a shared cluster: the application's names are those without the prefix.
    class TopicMapper < Routing::TopicMapper
      # @param prefix [String]
      # @param inner [#incoming, #outgoing] what the application has set
      def initialize(prefix, inner)
        super()
        @prefix = prefix
        @inner = inner
      end

      # @param topic [String] as Kafka calls it
      # @return [String] as the application calls it
      def incoming(topic) = @inner.incoming(topic.delete_prefix(@prefix))

      # @param topic [String, Symbol] as the application calls it
      # @return [String] as Kafka calls it
      def outgoing(topic) = Heroku.prefixed(@prefix, @inner.outgoing(topic.to_s))
    end

    # A `consumer_mapper` for a shared cluster.
    class GroupMapper
      # @param prefix [String]
      # @param inner [#call, nil] what the application has set
      def initialize(prefix, inner)
        @prefix = prefix
        @inner = inner
      end

      # @param name [String] of the group in the routes
      # @return [String] its name in Kafka
      def call(name) = Heroku.prefixed(@prefix, (@inner ? @inner.call(name) : name).to_s)
    end

    class << self
      # Takes what the environment says; doing it twice does nothing more. Set-up does it before it checks the settings.
      # @param config [Setup::Config]
      # @param env [#[]]
      # @return [void]
      # @raise [Errors::InvalidConfigurationError] a variable is missing, or is not what it should be; its name is in the message
      def apply(config, env = ENV)
        given = NAMES.to_h { |name| [name, env[name].to_s.strip] }
        return on_heroku!(env) if given.values.all?(&:empty?)

        protocol, brokers = cluster(given)
        config.kafka.delete(:"metadata.broker.list")
        config.kafka.merge!("bootstrap.servers": brokers, "security.protocol": protocol)
        encrypt(config.kafka, given) if protocol == "ssl"
        map_names(config, given[PREFIX]) unless given[PREFIX].empty?
      end

      # Messages that name a topic as the routes do go to the one with the prefix.
      # @param config [WaterDrop::Config]
      # @param env [#[]]
      # @return [void]
      def apply_to_producer(config, env = ENV)
        prefix = env[PREFIX].to_s.strip
        return if prefix.empty?

        config.middleware.append do |message|
          topic = message[:topic].to_s
          topic.empty? ? message : message.merge(topic: prefixed(prefix, topic))
        end
      end

      # @param prefix [String]
      # @param name [String]
      # @return [String] with the prefix once
      # @api private
      def prefixed(prefix, name)
        name.start_with?(prefix) ? name : "#{prefix}#{name}"
      end

      private

      # A dyno that consumes from 127.0.0.1 would wait forever.
      def on_heroku!(env)
        refuse(URL, "is not set, and this is a dyno: #{ATTACHED}") unless env["DYNO"].to_s.empty?
      end

      # @return [Array(String, String)] security.protocol and bootstrap.servers
      def cluster(given)
        refuse(URL, "is not set, and #{given.reject { |_, value| value.empty? }.keys.join(", ")} is: #{ATTACHED}") if given[URL].empty?
        addresses = given[URL].split(",").map { |entry| address(entry.strip) }
        schemes = addresses.map { |address| address[:scheme] }.uniq
        refuse(URL, "names both kafka:// and kafka+ssl://; a client uses one of them for all brokers") if schemes.size > 1

        [PROTOCOLS.fetch(schemes.first), addresses.map { |address| address[:broker] }.join(",")]
      end

      def address(entry)
        # A password in it must not get into a log.
        hidden = entry.sub(%r{//.*@}, "//[hidden]@")
        ADDRESS.match(entry) ||
          refuse(URL, "has #{hidden.inspect}, but must be kafka+ssl://host:port, several with commas between them")
      end

      def encrypt(kafka, given)
        texts = PEM.keys.to_h { |name| [name, pem(name, given[name])] }
        authority = parsed(AUTHORITY, "a certificate") { OpenSSL::X509::Certificate.load(texts[AUTHORITY]) }
        refuse(AUTHORITY, "has no certificate") if authority.empty?
        certificate = parsed(CERTIFICATE, "a certificate") { OpenSSL::X509::Certificate.new(texts[CERTIFICATE]) }
        key = parsed(KEY, "a private key without a passphrase") { OpenSSL::PKey.read(texts[KEY], "") }
        refuse(KEY, "does not belong to #{CERTIFICATE}: take both from the same `heroku config`") unless certificate.check_private_key(key)

        # The certificates of its brokers name no hosts. Nobody but the cluster itself has one that its own authority signed.
        kafka[:"ssl.endpoint.identification.algorithm"] ||= "none"
        kafka.delete(:"ssl.ca.location")
        texts.each { |name, text| kafka[PEM.fetch(name)] = text }
      end

      # Files of variables often have the ends of lines as two characters.
      def pem(name, text)
        refuse(name, "is not set, and #{URL} says kafka+ssl://: #{ATTACHED}") if text.empty?

        text.include?("\n") ? text : text.gsub("\\n", "\n")
      end

      def parsed(name, what)
        yield
      rescue OpenSSL::OpenSSLError => e
        refuse(name, "must be #{what} in PEM form, beginning with -----BEGIN, and cannot be read (#{e.message})")
      end

      def map_names(config, prefix)
        config.topic_mapper = TopicMapper.new(prefix, config.topic_mapper || Routing::TopicMapper.new) unless mapped?(config)
        config.consumer_mapper = GroupMapper.new(prefix, config.consumer_mapper) unless config.consumer_mapper.is_a?(GroupMapper)
      end

      def mapped?(config) = config.topic_mapper.is_a?(TopicMapper)

      def refuse(name, problem)
        raise Errors::InvalidConfigurationError, "#{name} #{problem}."
      end
    end
  end
end

Karafka::Setup::Config.platforms << Karafka::Heroku
# An application that was set up before this line.
Karafka::App.initialized? ? Karafka::App.setup { nil } : Karafka::Heroku.apply(Karafka::App.config)
