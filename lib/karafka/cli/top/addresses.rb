# frozen_string_literal: true

require "uri"

module Karafka
  module Cli
    module Top
      # Finds addresses from what was typed, or from the application's `config.http`.
      module Addresses
        TOKEN = "KARAFKA_HTTP_TOKEN"
        ALLOWED = "http://HOST:PORT, HOST:PORT, a port of this machine, or the path of a socket"
        # Where a process listens everywhere, this machine reaches it here.
        ANYWHERE = { "0.0.0.0" => "127.0.0.1", "::" => "::1" }.freeze
        private_constant :ALLOWED, :ANYWHERE

        class << self
          # @param given [Array<String>] of the command line
          # @return [Array<Address>]
          # @raise [Errors::CommandError]
          def of(given)
            token = ENV.fetch(TOKEN, nil).to_s
            token = nil if token.empty?
            given.flat_map { |one| address(one).map { |found| found.tap { found.token = token } } }.uniq
          end

          # @param http [Setup::Config::Http]
          # @param nodes [Integer] how many a swarm would have
          # @return [Array<Address>] of `karafka server`, and of the nodes of a swarm
          # @raise [Errors::CommandError] nobody can know
          def of_application(http, nodes)
            unless http.on?
              raise Errors::CommandError, "which process? Name its URL or socket, or set config.http.port (or .socket) in karafka.rb, " \
                                          "which a process has to have from its start"
            end
            token = ENV.fetch(TOKEN, nil) || http.token&.to_s
            found = http.socket ? of_sockets(http) : of_ports(http, nodes)
            found.each { |one| one.token = token }
          end

          private

          def of_sockets(http)
            path = Setup::SocketPath.of(http.socket, setting: "config.http.socket")
            found = Setup::SocketPath.existing(path)
            (found.empty? ? [path] : found).map { |one| Address.new(socket: one) }
          end

          def of_ports(http, nodes)
            if http.port.zero?
              raise Errors::CommandError, "config.http.port is 0, so each process has another port: name the URL in its log " \
                                          "(\"Answers HTTP at\"), or set config.http.socket"
            end
            host = ANYWHERE.fetch(http.bind, http.bind)
            host = "[#{host}]" if host.include?(":")
            (0...nodes).map { |node| Address.new(url: "http://#{host}:#{http.port + node}") }
          end

          def address(given)
            return of_path(given.delete_prefix("unix:")) if path?(given)

            uri = URI.parse(url(given))
            wrong!(given) unless base?(uri)
            [Address.new(url: "#{uri.scheme}://#{uri.host}:#{uri.port}")]
          rescue URI::InvalidURIError
            wrong!(given)
          end

          def path?(given)
            given.start_with?("unix:") || (given.include?("/") && !given.include?("://")) || File.socket?(given)
          end

          def base?(uri)
            uri.is_a?(URI::HTTP) && uri.host && !uri.userinfo && ["", "/"].include?(uri.path) && !uri.query && uri.port.between?(1, 65_535)
          end

          def of_path(path)
            path = File.expand_path(path)
            found = Setup::SocketPath.existing(path)
            (found.empty? ? [path] : found).map { |one| Address.new(socket: one) }
          end

          def url(given)
            return given if given.include?("://")
            return "http://127.0.0.1:#{given.delete_prefix(":")}" if given.match?(/\A:?\d{1,5}\z/)

            given.match?(/:\d{1,5}\z/) ? "http://#{given}" : wrong!(given)
          end

          def wrong!(given)
            raise Errors::CommandError, "#{Format.clean(given).inspect} must be #{ALLOWED}; a token goes into the environment, as #{TOKEN}"
          end
        end
      end
    end
  end
end
