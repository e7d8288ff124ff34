# frozen_string_literal: true

module Karafka
  module Compat
    # `seed_brokers`, `ssl_*` and `sasl_*` of Karafka 1.x: several of them together decide about `security.protocol`.
    class KafkaSecurity
      SCHEMES = { "kafka" => :plain, "plaintext" => :plain, "kafka+ssl" => :ssl, "ssl" => :ssl }.freeze
      MECHANISMS = { "sha256" => "SCRAM-SHA-256", "sha512" => "SCRAM-SHA-512" }.freeze
      DEFAULT_PORT = 9092
      private_constant :SCHEMES, :MECHANISMS, :DEFAULT_PORT

      # @param target [Setup::KafkaSettings]
      # @param label [String]
      def initialize(target, label:)
        @target = target
        @label = label
        @ssl = false
        @sasl = false
        @over_ssl = true
        @derived = nil
        @certificates = {}
      end

      # @param target [Setup::KafkaSettings]
      # @return [KafkaSecurity] a copy that writes to target
      def dup_for(target)
        copy = dup
        copy.instance_variable_set(:@target, target)
        copy.instance_variable_set(:@certificates, @certificates.dup)
        copy
      end

      # @param name [Symbol]
      # @param value [Object] nil: as if it had not been set
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def write(name, value)
        return if value.nil?

        case name
        when :seed_brokers, :hosts then brokers(name, value)
        when /\Assl_/ then ssl(name, value)
        when /\Asasl_/ then sasl(name, value)
        end
        derive_protocol
      end

      private

      def brokers(name, value)
        list = Array(value.is_a?(String) ? value.split(",") : value).map { |entry| broker(name, entry.to_s.strip) }
        Setup.invalid!("#{@label}.#{name}", value, "a list such as %w[kafka://localhost:9092]") if list.empty?
        schemes = list.map(&:last).compact.uniq
        if schemes.size > 1
          Setup.invalid!("#{@label}.#{name}", value, "all kafka:// or all kafka+ssl://: a client uses one protocol for all brokers")
        end

        @ssl = true if schemes == [:ssl]
        @target[:"bootstrap.servers"] = list.map(&:first).join(",")
      end

      # @return [Array(String, Symbol)] address, and what its scheme says
      def broker(name, entry)
        scheme, address = entry.include?("://") ? entry.split("://", 2) : [nil, entry]
        if (scheme && !SCHEMES.key?(scheme)) || !address.match?(%r{\A[^\s/:@]+(:\d{1,5})?/?\z|\A\[[0-9a-fA-F:]+\](:\d{1,5})?/?\z})
          # A password in the address must not get into a log.
          Setup.invalid!("#{@label}.#{name}", entry.sub(%r{//.*@}, "//[hidden]@"), "host:port, kafka://host:port or kafka+ssl://host:port")
        end
        address = address.delete_suffix("/")
        address = "#{address}:#{DEFAULT_PORT}" unless address.match?(/:\d+\z/) && !address.end_with?("]")
        [address, SCHEMES[scheme]]
      end

      def ssl(name, value)
        case name
        when :ssl_verify_hostname
          @target[:"ssl.endpoint.identification.algorithm"] = Setup::Types::BOOLEAN.check("#{@label}.#{name}", value) ? "https" : "none"
          return
        when :ssl_ca_certs_from_system
          return unless value

          @target[:"ssl.ca.location"] = "probe"
        when :ssl_ca_cert_file_path then @target[:"ssl.ca.location"] = Array(value).join(",")
        when :ssl_ca_cert then @target[:"ssl.ca.pem"] = Array(value).join("\n")
        when :ssl_client_cert_key then @target[:"ssl.key.pem"] = value
        else client_certificate(name, value)
        end
        @ssl = true
      end

      # The chain follows the client's own certificate, whichever was set first.
      def client_certificate(name, value)
        @certificates[name] = value
        own = @certificates[:ssl_client_cert]
        @target[:"ssl.certificate.pem"] = [own, @certificates[:ssl_client_cert_chain]].compact.join("\n") if own
      end

      def sasl(name, value)
        if name == :sasl_over_ssl
          @over_ssl = Setup::Types::BOOLEAN.check("#{@label}.#{name}", value)
          return
        end

        case name
        when :sasl_plain_username, :sasl_scram_username then @target[:"sasl.username"] = value
        when :sasl_plain_password, :sasl_scram_password then @target[:"sasl.password"] = value
        when :sasl_gssapi_principal then @target[:"sasl.kerberos.principal"] = value
        end
        @sasl = true
        @target[:"sasl.mechanisms"] = mechanism(name, value)
      end

      def mechanism(name, value)
        return "PLAIN" if name.start_with?("sasl_plain")
        return "GSSAPI" if name.start_with?("sasl_gssapi")
        return @target[:"sasl.mechanisms"] || MECHANISMS["sha256"] unless name == :sasl_scram_mechanism

        MECHANISMS.fetch(value.to_s.downcase.delete("-_").sub("scram", "")) do
          Setup.invalid!("#{@label}.#{name}", value, "\"sha256\" or \"sha512\"")
        end
      end

      # What the user wrote under librdkafka's own name stands.
      def derive_protocol
        current = @target[:"security.protocol"]
        return if current && current != @derived

        encrypted = @ssl || (@sasl && @over_ssl)
        @derived = "#{"sasl_" if @sasl}#{encrypted ? "ssl" : "plaintext"}"
        @target[:"security.protocol"] = @derived if @ssl || @sasl || current
      end
    end
  end
end
