# frozen_string_literal: true

module Karafka
  module Setup
    # `bootstrap.servers`: librdkafka drops what it cannot read of it, and connects to nothing.
    module BrokerList
      PROTOCOLS = %w[PLAINTEXT SSL SASL_PLAINTEXT SASL_SSL].freeze
      PARTS = %r{\A(?:(?<protocol>[^:/]*)://)?(?<host>\[[^\[\]]+\]|[^:/\s\[\]]+)(?::(?<port>[^:]*))?\z}
      # An address of IPv6 without brackets. librdkafka takes all of it for the address, also what was meant as the port.
      BARE = /\A(?:\h*:){2,}\h*(?:%\w+)?\z/
      BARE_WITH_PORT = /\A(?<address>\h*:.*):(?<port>[1-9]\d{3,4})\z/
      ALLOWED = "host:port, several with commas between them"
      private_constant :PROTOCOLS, :PARTS, :BARE, :BARE_WITH_PORT, :ALLOWED

      class << self
        # @param servers [String, Array<String>, nil] none is not refused here
        # @param label [String] what the user calls the settings
        # @return [void]
        # @raise [Errors::InvalidConfigurationError]
        def check!(servers, label)
          Array(servers).join(",").split(",").map(&:strip).reject(&:empty?).each do |server|
            next if server.match?(BARE) && !server.match?(BARE_WITH_PORT)

            parts = PARTS.match(server)
            next if parts && protocol?(parts[:protocol]) && port?(parts[:port]) && !parts[:host].match?(/\A\d+\z/)

            Setup.invalid!("#{label} \"bootstrap.servers\"", public(Array(servers).join(",")),
                           "#{ALLOWED}; #{public(server).inspect} is not#{hint(server, parts)}")
          end
        end

        private

        def protocol?(name)
          name.nil? || PROTOCOLS.include?(name.upcase)
        end

        def port?(number)
          number.nil? || (number.match?(/\A\d{1,5}\z/) && number.to_i.between?(1, 65_535))
        end

        # Somebody may have written a password into the address.
        def public(text)
          text.gsub(%r{[^,/\s]*@}, "#{Secret::MASK}@")
        end

        def hint(server, parts)
          bare = BARE_WITH_PORT.match(server)
          return ". An IPv6 address with a port is written in brackets: [#{bare[:address]}]:#{bare[:port]}" if bare
          return if parts.nil? || protocol?(parts[:protocol])

          ". Leave #{parts[:protocol]}:// out: encryption is set with \"security.protocol\""
        end
      end
    end
  end
end
