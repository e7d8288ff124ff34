# frozen_string_literal: true

require "socket"
require_relative "kafka_cluster"
require_relative "certificates"

# A Kafka of one node with a listener for each security protocol, and rights: what a client meets that is set up wrongly. The
# listener `lost` advertises an address where nothing listens.
#
#   cluster = SecuredCluster.new("spec-security").up
#   cluster.address(:sasl_ssl)            # "localhost:34567"
#   cluster.certificates.authority        # path of a PEM file, for "ssl.ca.location"
#
# `alice` (password `wonderland`) may read and write the topic `open` in groups whose names begin with `readers`, and nothing
# else. Who comes through PLAINTEXT or SSL may do everything.
class SecuredCluster < KafkaCluster
  PROTOCOLS = %i[ssl expired sasl_plaintext sasl_ssl lost].freeze
  USER = "alice"
  PASSWORD = "wonderland"
  LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule required user_#{USER}=\"#{PASSWORD}\";".freeze

  attr_reader :certificates

  # @param properties [Hash] further lines of server.properties
  # @return [self]
  def up(properties: {})
    KafkaCluster.instance_method(:down).bind_call(self) if load
    @certificates = Certificates.new(File.join(KafkaLibraries.default_dir, "certificates-#{Process.pid}"))
    @ports = PROTOCOLS.zip(FreePorts.take(PROTOCOLS.size)).to_h
    super(heap: "256m", properties: own.merge(properties))
    allow
    self
  end

  def down
    super
    @certificates&.delete
  end

  # @param protocol [Symbol] one of PROTOCOLS; :plaintext for the listener without rights and encryption
  # @return [String]
  def address(protocol) = protocol == :plaintext ? bootstrap_servers : "localhost:#{@ports.fetch(protocol)}"

  private

  def own
    advertised = @ports.merge(lost: FreePorts.take.first)
    listeners, addresses = [@ports, advertised].map { |ports| ports.map { |name, port| "#{name.upcase}://localhost:#{port}" }.join(",") }
    {
      "listeners" => "PLAINTEXT://127.0.0.1:PORT,CONTROLLER://127.0.0.1:CONTROLLER_PORT,#{listeners}",
      "advertised.listeners" => "PLAINTEXT://127.0.0.1:PORT,#{addresses}",
      "listener.security.protocol.map" => "#{KafkaNode::SECURITY_PROTOCOLS},EXPIRED:SSL,LOST:PLAINTEXT",
      "authorizer.class.name" => "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users" => "User:ANONYMOUS",
      "sasl.enabled.mechanisms" => "PLAIN", **stores,
      **%w[sasl_plaintext sasl_ssl].to_h { |name| ["listener.name.#{name}.plain.sasl.jaas.config", LOGIN] }
    }
  end

  def stores
    { "" => certificates.server, "listener.name.expired." => certificates.expired }.flat_map do |prefix, pem|
      [["#{prefix}ssl.keystore.type", "PEM"], ["#{prefix}ssl.keystore.location", pem]]
    end.to_h
  end

  def allow
    rights = %w[--add --allow-principal] + ["User:#{USER}"]
    open = %w[--operation Read --operation Write --operation Describe --topic open]
    [open, %w[--operation Read --group readers --resource-pattern-type prefixed]].each do |right|
      tool("org.apache.kafka.tools.AclCommand", "--bootstrap-server", bootstrap_servers, *rights, *right)
    end
  end
end
