# frozen_string_literal: true

require "json"
require "net/http"
require "openssl"

module Karafka
  module Oauth
    # `"sasl.oauthbearer.method": "oidc"`: gets tokens for client credentials from an OpenID provider.
    class Oidc
      TIMEOUT = 10
      # Where the provider says nothing about it, seconds.
      LIFETIME = 300
      private_constant :TIMEOUT, :LIFETIME

      # @param settings [Hash{String=>String}] librdkafka's names
      def initialize(settings)
        @url = URI(settings.fetch("sasl.oauthbearer.token.endpoint.url"))
        @id = first(settings, "client.id", "client.credentials.client.id")
        @secret = first(settings, "client.secret", "client.credentials.client.secret")
        @scope = settings["sasl.oauthbearer.scope"]
        @extensions = settings["sasl.oauthbearer.extensions"].to_s.split(",").to_h { |pair| pair.split("=", 2).map(&:strip) }
        @ca_location, @ca_pem = settings.values_at("https.ca.location", "https.ca.pem")
      end

      # @param event [Instrumentation::Event]
      # @return [void]
      # @raise [Errors::TokenError] the provider refused, or cannot be reached
      def on_oauthbearer_token_refresh(event)
        answer = request
        token = answer["access_token"].to_s
        raise Errors::TokenError, "#{@url} gave no access_token" if token.empty?

        claims = claims(token)
        expires = claims["exp"] || (Time.now.to_i + (answer["expires_in"] || LIFETIME).to_i)
        event[:bearer].oauthbearer_set_token(
          token: token, lifetime_ms: expires.to_i * 1_000, principal_name: (claims["sub"] || @id).to_s, extensions: @extensions
        )
      end

      # @return [String] without the secret
      def inspect
        "#<#{self.class} #{@url}>"
      end

      private

      def first(settings, *names)
        names.filter_map { |name| settings["sasl.oauthbearer.#{name}"] }.first
      end

      def request
        post = Net::HTTP::Post.new(@url)
        post.basic_auth(@id, @secret)
        post.set_form_data({ "grant_type" => "client_credentials", "scope" => @scope }.compact)
        post["Accept"] = "application/json"
        response = connection.start { |http| http.request(post) }
        return object(response.body) || raise(Errors::TokenError, "#{@url} answered without a JSON object") if response.is_a?(Net::HTTPOK)

        raise Errors::TokenError, "#{@url} answered #{response.code} #{response.message}: #{response.body.to_s[0, 200]}"
      rescue IOError, SystemCallError, SocketError, Timeout::Error, OpenSSL::OpenSSLError, Net::ProtocolError, Net::HTTPBadResponse => e
        raise Errors::TokenError, "no token from #{@url}: #{e.class}: #{e.message}"
      end

      def connection
        Net::HTTP.new(@url.host, @url.port).tap do |http|
          http.open_timeout = http.read_timeout = TIMEOUT
          http.use_ssl = @url.scheme == "https"
          http.cert_store = certificates if http.use_ssl? && (@ca_pem || ![nil, "", "probe"].include?(@ca_location))
        end
      end

      def certificates
        OpenSSL::X509::Store.new.tap do |store|
          if @ca_pem then OpenSSL::X509::Certificate.load(@ca_pem).each { |certificate| store.add_cert(certificate) }
          else
            File.directory?(@ca_location) ? store.add_path(@ca_location) : store.add_file(@ca_location)
          end
        end
      end

      # Of a token that is no JWT nothing is known.
      def claims(token)
        object(token.split(".").fetch(1, "").tr("-_", "+/").unpack1("m")) || {}
      end

      # Errors of JSON quote what they read, which may be a token.
      def object(text)
        read = JSON.parse(text.to_s)
        read if read.is_a?(Hash)
      rescue JSON::ParserError, EncodingError
        nil
      end
    end
  end
end
