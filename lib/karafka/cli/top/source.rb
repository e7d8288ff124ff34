# frozen_string_literal: true

require "json"
require "net/http"
require "socket"
require "timeout"

module Karafka
  module Cli
    module Top
      # Asks a process for its state.
      class Source
        # For the whole answer, seconds. The engine answers in milliseconds, unless the process is stopped or the machine is too busy.
        PATIENCE = 5
        # Longest answer, bytes: about 200,000 partitions.
        LONGEST = 64 * 1_024 * 1_024
        PATH = "/v1/state"
        # What every state has, in the version that is read here.
        VERSION = 1
        SHAPE = { "at_ms" => Integer, "process" => Hash, "groups" => Array, "workers" => Array, "produced" => Array,
                  "producers" => Array, "errors" => Hash }.freeze
        private_constant :PATIENCE, :LONGEST, :PATH, :VERSION, :SHAPE

        # @return [String]
        attr_reader :name

        # @param address [Address]
        # @param patience [Numeric] seconds
        def initialize(address, patience: PATIENCE)
          @address = address
          @patience = patience
          @name = address.name
        end

        # @return [Hash{String=>Object}] see docs/state.schema.json
        # @raise [Errors::CommandError] the reason; behind a semicolon what to do
        def read
          Timeout.timeout(@patience) { parse(@address.socket ? over_socket : over_tcp) }
        rescue Timeout::Error
          fail! "no answer within #{@patience} s", "it is stopped (SIGSTOP), or the machine is too busy: look at both"
        rescue Errno::ECONNREFUSED
          fail! "nobody listens there", "none runs, or it began before config.http was set: look at its log"
        rescue Errno::ENOENT
          fail! "there is no such socket", "none runs, or it began before config.http.socket was set: look at its log"
        rescue Errno::EACCES
          fail! "the socket belongs to another user", "run this as the user of the process, or as root"
        rescue SystemCallError, SocketError, OpenSSL::SSL::SSLError, IOError, Net::ProtocolError, Net::HTTPBadResponse => e
          fail! "#{e.class}: #{Format.clean(e.message)}", "look at the address, and at the log of the process"
        end

        private

        def request
          headers = { "Connection" => "close", "Accept-Encoding" => "identity" }
          headers["Authorization"] = "Bearer #{@address.token}" if @address.token
          headers["Host"] = "localhost" if @address.socket
          Net::HTTP::Get.new(PATH, headers)
        end

        # Without a proxy of the environment: it would be asked for processes of this machine.
        def over_tcp
          uri = URI(@address.url)
          options = { open_timeout: @patience, read_timeout: @patience, use_ssl: uri.scheme == "https" }
          Net::HTTP.start(uri.hostname, uri.port, nil, **options) do |http|
            body = nil
            response = http.request(request) { |answer| body = body_of(answer) }
            [response, body]
          end
        end

        def over_socket
          socket = UNIXSocket.new(@address.socket)
          io = Net::BufferedIO.new(socket, read_timeout: @patience, write_timeout: @patience)
          request.exec(io, "1.1", PATH)
          response = Net::HTTPResponse.read_new(io)
          body = nil
          response.reading_body(io, true) { body = body_of(response) }
          [response, body]
        ensure
          socket&.close
        end

        def body_of(response)
          body = +""
          response.read_body do |part|
            body << part
            fail! "its answer has more than #{LONGEST} bytes", "this is no process of karafka-rs" if body.bytesize > LONGEST
          end
          body
        end

        def parse((response, body))
          refused(response.code.to_i, body) unless response.is_a?(Net::HTTPOK)
          state = JSON.parse(body)
          stranger! unless state.is_a?(Hash) && state["schema_version"].is_a?(Integer)
          other_version!(state["schema_version"]) unless state["schema_version"] == VERSION
          return state if SHAPE.all? { |field, kind| state[field].is_a?(kind) } && state["process"]["uptime_ms"].is_a?(Integer)

          stranger!
        rescue JSON::ParserError
          stranger!
        end

        def refused(code, body)
          fail! "it wants a token", "set #{Addresses::TOKEN} to its config.http.token" if code == 401
          stranger! if code == 404
          fail! "it answers #{code}: #{Format.clean(body)[0, 200]}", "see docs/observability.md"
        end

        def other_version!(version)
          fail! "its state has version #{version}, and this command reads version #{VERSION}", "use the command of that version's gem"
        end

        def stranger!
          fail! "what answers there is no process of karafka-rs", "look at the address"
        end

        def fail!(reason, next_step)
          raise Errors::CommandError, "#{reason.tr(";", ",")}; #{next_step}"
        end
      end
    end
  end
end
