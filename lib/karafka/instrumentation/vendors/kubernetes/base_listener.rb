# frozen_string_literal: true

require "json"
require "socket"

module Karafka
  module Instrumentation
    module Vendors
      module Kubernetes
        # Answers HTTP probes of any path: 200 while {#healthy?}, else 500, with the reasons as JSON. A Ruby thread answers, so it does not
        # while Ruby's lock is held; `/livez` of `config.http` does.
        class BaseListener
          # How long a request may take to arrive.
          REQUEST_S = 1
          # More of a request is not read.
          REQUEST_BYTES = 16_384
          STATUS = { true => "200 OK", false => "500 Internal Server Error" }.freeze
          private_constant :REQUEST_S, :REQUEST_BYTES, :STATUS

          # @return [Integer] where it listens; another than the wanted one where that is 0
          attr_reader :port

          # @param hostname [String, nil] where to listen; nil: at all addresses, as the kubelet asks from outside
          # @param port [Integer]
          # @param clock [#call] milliseconds that only grow
          def initialize(hostname: nil, port: 3_000, clock: Clock.method(:now_ms))
            @hostname = hostname
            @port = port
            @clock = clock
            @mutex = Mutex.new
          end

          # @return [Boolean]
          def healthy?
            errors.values.none?
          end

          # @return [Hash{Symbol=>Boolean}] what could be wrong, and whether it is
          def errors
            {}
          end

          # @return [Hash{Symbol=>Object}] what a probe gets
          def status_body
            {
              status: healthy? ? "healthy" : "unhealthy", timestamp: Time.now.to_i, port: @port, process_id: ::Process.pid, errors: errors
            }
          end

          private

          def listen
            @server = TCPServer.new(*[@hostname, @port].compact)
            @port = @server.addr[1]
            @thread = Thread.new(@server) { |server| serve(server) }
            @thread.name = "karafka.probes"
          rescue SystemCallError, SocketError => e
            raise Errors::InvalidConfigurationError,
                  "#{self.class} cannot listen at #{@hostname || "all addresses"}, port #{@port}: #{e.message}. Give it another " \
                  "port: #{self.class}.new(port: 3001), and the probe, too"
          end

          def unlisten
            @server&.close
            @server = nil
          end

          def serve(server)
            loop do
              client = server.accept
              Thread.new(client) { |it| answer(it) }
            end
          rescue IOError, Errno::EBADF
            nil # closed
          end

          # A connection that sends nothing keeps nobody out.
          def answer(client)
            client.wait_readable(REQUEST_S) and client.read_nonblock(REQUEST_BYTES, exception: false)
            body = JSON.generate(status_body)
            client.write("HTTP/1.1 #{STATUS.fetch(healthy?)}\r\nContent-Type: application/json\r\n" \
                         "Content-Length: #{body.bytesize}\r\nConnection: close\r\n\r\n#{body}")
          rescue SystemCallError, IOError
            nil # it has gone
          ensure
            client.close
          end
        end
      end
    end
  end
end
