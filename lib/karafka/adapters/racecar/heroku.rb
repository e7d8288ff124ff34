# frozen_string_literal: true

require "tempfile"
require "uri"

module Racecar
  # `require "racecar/heroku"`: the configuration comes from what Heroku's add-on for Kafka sets, `KAFKA_URL` and the certificates.
  module Heroku
    CERTIFICATES = {
      ssl_ca_location: "KAFKA_TRUSTED_CERT", ssl_certificate_location: "KAFKA_CLIENT_CERT", ssl_key_location: "KAFKA_CLIENT_CERT_KEY"
    }.freeze
    private_constant :CERTIFICATES

    # @param config [Config]
    # @param env [Hash{String=>String}]
    # @return [void]
    # @raise [KingKonf::ConfigError]
    def self.load_configuration(config = Racecar.config, env = ENV)
      missing = ["KAFKA_URL", *CERTIFICATES.values].reject { |name| env[name] }
      raise KingKonf::ConfigError, "racecar/heroku: #{missing.join(", ")} is not set" if missing.any?

      config.brokers = env["KAFKA_URL"].split(",").map { |url| URI(url).then { |uri| "#{uri.host}:#{uri.port}" } }
      config.security_protocol = :ssl
      # The certificates of these brokers name no hosts.
      config.ssl_verify_hostname = false
      CERTIFICATES.each { |setting, name| config.set(setting, file(name, env[name])) }
      config.group_id_prefix = env["KAFKA_PREFIX"] if env["KAFKA_PREFIX"]
    end

    def self.file(name, text)
      file = Tempfile.new(name)
      file.write(text)
      file.close
      # As long as the process: librdkafka reads it when it connects, and a Tempfile that is collected is deleted.
      (@kept ||= []) << file
      file.path
    end
    private_class_method :file
  end
end
