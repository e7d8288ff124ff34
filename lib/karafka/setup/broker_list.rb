# frozen_string_literal: true

module Karafka
  module Setup
    # `bootstrap.servers`: librdkafka drops what it cannot read of it, and connects to nothing.
    module BrokerList
      PROTOCOLS = %w[PLAINTEXT SSL SASL_PLAINTEXT SASL_SSL].freeze
      PARTS = %r{\A(?:(?<protocol>[^:/]*)://)?(?<host>\[[^\[\]]+\]|[^:/\s\[\]]+|\h*:\h*:[\h:.]*)(?::(?<port>[^:]*))?\z}
      ALLOWED = "host:port, several with commas between them"
      private_constant :PROTOCOLS, :PARTS, :ALLOWED

      class << self
        # @param servers [String, Array<String>, nil] none is not refused here
        # @param label [String] what the user calls the settings
        # @return [void]
        # @raise [Errors::InvalidConfigurationError]
        def check!(servers, label)
          Array(servers).join(",").split(",").map(&:strip).reject(&:empty?).each do |server|
            parts = PARTS.match(server)
            next if parts && protocol?(parts[:protocol]) && port?(parts[:port]) && !parts[:host].match?(/\A\d+\z/)

            Setup.invalid!("#{label} \"bootstrap.servers\"", servers, "#{ALLOWED}; #{server.inspect} is not#{hint(parts)}")
          end
        end

        private

        def protocol?(name)
          name.nil? || PROTOCOLS.include?(name.upcase)
        end

        def port?(number)
          number.nil? || (number.match?(/\A\d{1,5}\z/) && number.to_i.between?(1, 65_535))
        end

        def hint(parts)
          return if parts.nil? || protocol?(parts[:protocol])

          ". Leave #{parts[:protocol]}:// out: encryption is set with \"security.protocol\""
        end
      end
    end
  end
end
