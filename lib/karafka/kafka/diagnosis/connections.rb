# frozen_string_literal: true

module Karafka
  class Diagnosis
    # Connections that fail: which setting of `config.kafka` does not fit to what the broker expects.
    module Connections
      CODES = %i[all_brokers_down transport resolve ssl authentication timed_out bad_msg].freeze

      # Protocols with the other answer to one question.
      WITH_TLS = { "plaintext" => "ssl", "sasl_plaintext" => "sasl_ssl" }.freeze
      WITH_LOGIN = { "plaintext" => "sasl_plaintext", "ssl" => "sasl_ssl" }.freeze
      # What librdkafka takes the first four bytes for the size of, where something else answers.
      HTTP = "1213486160"
      private_constant :WITH_TLS, :WITH_LOGIN, :HTTP

      class << self
        # @param code [Symbol]
        # @param text [String]
        # @param kafka [Hash{Symbol=>Object}]
        # @param known [String, nil] advice for a connection that failed before all brokers were down
        # @return [String]
        def advice(code, text, kafka, known = nil)
          protocol = (kafka[:"security.protocol"] || "plaintext").to_s.downcase
          case code
          when :all_brokers_down
            known || "no broker can be reached. #{LOOK_AT_SERVERS}, and does a firewall let this host through?"
          when :resolve then "the name of a broker cannot be resolved. #{where(text)}"
          when :ssl then tls(text, protocol, kafka)
          when :authentication then login(text, protocol, kafka)
          else lost(text, protocol)
          end
        end

        # @param code [Symbol]
        # @param advice [String] for that code
        # @return [Boolean] whether it says what is wrong with a connection
        def telling?(code, advice)
          code != :all_brokers_down && advice != GENERAL
        end

        private

        def lost(text, protocol)
          case text
          when /PLAINTEXT broker listener|wrong version number/ then no_tls(protocol)
          when /Connection refused/ then "nothing listens there. #{LOOK_AT_SERVERS}"
          when /certificate verify failed/ then tls(text, protocol, {})
          when /timed out in state CONNECT/
            "the host does not answer. Is it up, is \"bootstrap.servers\" right, and does a firewall let this host through?"
          when /ApiVersionRequest failed: .*Timed out/
            "something takes connections there, but does not answer. Is it a broker that hangs, is it the right port in " \
            "\"bootstrap.servers\", or is there a proxy without a broker behind it?"
          when /timed out in state|Invalid response size|response size/ then no_kafka(text, protocol)
          else closed(text, protocol)
          end
        end

        def closed(text, protocol)
          case text
          when /Disconnected.*state APIVERSION_QUERY/ then WITH_TLS.key?(protocol) ? wants_tls(protocol) : no_kafka(text, protocol)
          # Not where the broker's number is known: it, or another one, has answered more than that.
          when %r{\A(?!\S+/\d+: ).*after \d{1,3}ms in state UP} then WITH_LOGIN.key?(protocol) ? wants_login(protocol) : GENERAL
          else GENERAL
          end
        end

        def wants_tls(protocol)
          login = ", or \"sasl_ssl\" with a login" if protocol == "plaintext"
          "the broker closes the connection without an answer. Mostly that is a TLS port, and \"security.protocol\" is " \
            "\"#{protocol}\": a TLS port needs \"#{WITH_TLS.fetch(protocol)}\"#{login}"
        end

        def wants_login(protocol)
          "the broker closes the connection after its first answer. Mostly it wants a login (SASL), and \"security.protocol\" is " \
            "\"#{protocol}\": set \"#{WITH_LOGIN.fetch(protocol)}\", \"sasl.mechanism\", \"sasl.username\" and \"sasl.password\""
        end

        def no_tls(protocol)
          "that port does not speak TLS, and \"security.protocol\" is \"#{protocol}\": set \"#{WITH_TLS.key(protocol) || "plaintext"}\", " \
            "or name the port of a TLS listener in \"bootstrap.servers\""
        end

        def no_kafka(text, protocol)
          what = text.include?(HTTP) ? "an HTTP server answers there, not Kafka" : "the server there does not answer as Kafka does"
          "#{what}. Check the port in \"bootstrap.servers\", and \"security.protocol\" (it is \"#{protocol}\")"
        end

        def tls(text, protocol, kafka)
          case text
          when /has expired/ then "the broker's certificate has expired. It has to be renewed there; no \"ssl.ca.location\" helps"
          when /not valid yet/ then "the broker's certificate is not valid yet. Compare the clocks; no \"ssl.ca.location\" helps"
          when /another host name/
            "the broker's certificate is for another host name than \"bootstrap.servers\" or the brokers' advertised.listeners use " \
            "(\"ssl.endpoint.identification.algorithm\")"
          when /certificate verify failed/
            "the broker's certificate is signed by an unknown authority. \"ssl.ca.location\" has to be a PEM file with that authority" \
            "#{", and is #{kafka[:"ssl.ca.location"].inspect}" if kafka[:"ssl.ca.location"]}"
          when /wrong version number|PLAINTEXT broker listener/ then no_tls(protocol)
          when /alert|certificate/
            "the broker refuses the TLS connection. Where it wants certificates of its clients: \"ssl.certificate.location\" and " \
            "\"ssl.key.location\""
          else "the TLS connection failed. Check \"ssl.ca.location\", and that the port is a TLS one (\"security.protocol\")"
          end
        end

        def login(text, protocol, kafka)
          offered = text[/supported mechanisms: ?([\w,\- ]*)/, 1]
          mechanism = (kafka[:"sasl.mechanism"] || kafka[:"sasl.mechanisms"] || "GSSAPI").to_s
          return no_login(protocol) if offered && offered.strip.empty?
          return "the broker offers #{offered.strip}, and \"sasl.mechanism\" is \"#{mechanism}\"" if offered
          return "the broker refuses the token. Check the \"sasl.oauthbearer.…\" settings" if mechanism.casecmp?("OAUTHBEARER")

          "the broker refuses the login. Check \"sasl.username\" and \"sasl.password\", and that \"sasl.mechanism\" " \
            "(\"#{mechanism}\") is the one that this user was made for"
        end

        def no_login(protocol)
          without = WITH_LOGIN.key(protocol) || "plaintext"
          "that port takes no login (SASL), and \"security.protocol\" is \"#{protocol}\": set \"#{without}\", or name the port of a " \
            "SASL listener in \"bootstrap.servers\""
        end

        def where(text)
          return "Check \"bootstrap.servers\"" if text.include?("/bootstrap")

          "Check \"bootstrap.servers\" and, if that is right, the brokers' advertised.listeners"
        end
      end

      LOOK_AT_SERVERS = "Is Kafka running, and is \"bootstrap.servers\" right? `karafka broker` starts one for development"
      GENERAL = "the connection to a broker failed. It is tried again; nothing is lost"
      private_constant :LOOK_AT_SERVERS, :GENERAL
    end
    private_constant :Connections
  end
end
