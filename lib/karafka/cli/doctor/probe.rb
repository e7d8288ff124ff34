# frozen_string_literal: true

require "io/wait"
require "openssl"
require "socket"

module Karafka
  module Cli
    module Doctor
      # Asks one address which requests it takes (ApiVersions, which needs no login), and then what tells whether it wants one. From this
      # machine and without librdkafka: that says what listens there, and how old it is.
      class Probe
        # What is known of an address: `state` is :kafka, :unresolved, :refused, :silent (no answer in time), :tls (it speaks TLS and
        # should not), :plain (the other way round), :login (it wants one), :no_login (it takes none), :mechanism (it takes those that
        # `text` lists) or :other. `requests` are the largest versions by the number of the request, `brokers` the advertised addresses
        # ([id, host, port]; nil: that takes a login).
        Answer = Struct.new(:state, :text, :requests, :brokers)
        # Requests, with the version that is asked for.
        API_VERSIONS = [18, 0].freeze
        METADATA = [3, 1].freeze
        SASL_HANDSHAKE = [17, 1].freeze
        # Of a listener that takes no login.
        ILLEGAL_SASL_STATE = 34
        SPEAKS_KAFKA = %i[kafka login no_login mechanism].freeze
        MOST_MECHANISMS = 20
        MOST_BROKERS = 1_000
        # Longer ones are no answers to these.
        LONGEST = 1_048_576
        private_constant :SPEAKS_KAFKA, :MOST_MECHANISMS, :MOST_BROKERS, :API_VERSIONS, :METADATA, :SASL_HANDSHAKE, :ILLEGAL_SASL_STATE,
                         :LONGEST

        # @param host [String]
        # @param port [Integer]
        # @param tls [Boolean]
        # @param mechanism [String, nil] of SASL; nil: no login
        # @param seconds [Numeric]
        def initialize(host, port, tls:, seconds:, mechanism: nil)
          @host = host
          @port = port
          @tls = tls
          @mechanism = mechanism
          @seconds = seconds
        end

        # @return [Answer]
        def call
          answer = ask(@tls)
          return answer unless %i[closed no_tls].include?(answer.state)

          # The other way round?
          other = ask(!@tls)
          kafka = SPEAKS_KAFKA.include?(other.state) || (other.state == :closed && !@tls)
          return Answer.new(@tls ? :plain : :tls, answer.text) if kafka

          Answer.new(:other, answer.text)
        end

        private

        def ask(tls)
          @deadline = Clock.now + @seconds
          socket = Socket.tcp(@host, @port, connect_timeout: @seconds)
          begin
            exchange(tls ? encrypted(socket) : socket)
          ensure
            socket.close
          end
        rescue SocketError => e
          Answer.new(:unresolved, e.message)
        rescue Errno::ECONNREFUSED => e
          Answer.new(:refused, e.message)
        rescue Errno::ETIMEDOUT, Errno::EHOSTUNREACH, Errno::ENETUNREACH => e
          Answer.new(:silent, e.message)
        rescue OpenSSL::SSL::SSLError => e
          Answer.new(:no_tls, e.message)
        rescue IOError, SystemCallError => e
          Answer.new(:closed, e.message)
        end

        # Whether the certificate is right is judged by librdkafka, with the application's settings.
        def encrypted(socket)
          context = OpenSSL::SSL::SSLContext.new
          context.verify_mode = OpenSSL::SSL::VERIFY_NONE
          tls = OpenSSL::SSL::SSLSocket.new(socket, context)
          tls.hostname = @host unless @host.match?(/\A[\d.]+\z|:/)
          wait(socket) { tls.connect_nonblock(exception: false) }
          tls
        rescue Errno::ECONNRESET, Errno::EPIPE, EOFError => e
          # It ends before the handshake does.
          raise OpenSSL::SSL::SSLError, e.message
        end

        def exchange(stream)
          code, count = (answer = question(stream, API_VERSIONS)).unpack("nN")
          raise EOFError, "no answer of Kafka" unless code&.zero? && count && count * 6 <= answer.bytesize

          requests = answer.byteslice(6, count * 6).unpack("n*").each_slice(3).to_h { |key, _, most| [key, most] }
          state, text, brokers = @mechanism ? handshake(stream) : without_login(stream)
          Answer.new(state, text, requests, brokers)
        end

        # @return [Array(Symbol, String)]
        def handshake(stream)
          code, count, offered = question(stream, SASL_HANDSHAKE, [@mechanism.bytesize, @mechanism].pack("na*")).unpack("nNa*")
          return [:no_login] if code == ILLEGAL_SASL_STATE || count.zero?
          return [:kafka] if code.zero?

          names = Array.new(count.clamp(..MOST_MECHANISMS)) { offered.slice!(0, offered.slice!(0, 2).unpack1("n").to_i).scrub("?") }
          [:mechanism, names.join(", ")]
        rescue EOFError, SystemCallError
          [:no_login]
        end

        # About no topic.
        def without_login(stream)
          answer = question(stream, METADATA, [0].pack("N"))
        rescue EOFError, Errno::ECONNRESET, Errno::EPIPE
          [:login]
        else
          [:kafka, nil, brokers(answer)]
        end

        # @return [Array<Array(Integer, String, Integer)>]
        def brokers(answer)
          count = answer.slice!(0, 4).unpack1("N")
          Array.new(count.clamp(..MOST_BROKERS)) do
            id, bytes = answer.slice!(0, 6).unpack("Nn")
            host = answer.slice!(0, bytes).force_encoding(Encoding::UTF_8)
            port, rack = answer.slice!(0, 6).unpack("Ns>")
            answer.slice!(0, rack) if rack.positive?
            [id, host.scrub("?"), port]
          end
        rescue NoMethodError, TypeError
          raise EOFError, "no answer of Kafka"
        end

        # @return [String] the answer behind its number
        def question(stream, request, body = "")
          # Request, version, number of the question, length and name of the client.
          text = [*request, 1, 7, "karafka"].pack("nnNna*") + body
          stream.write([text.bytesize].pack("N") + text)
          size = read(stream, 4).unpack1("N")
          raise EOFError, "no answer of Kafka" unless size.between?(4, LONGEST)

          read(stream, size).byteslice(4..)
        end

        def read(stream, bytes)
          found = +""
          while found.bytesize < bytes
            part = wait(stream.to_io) { stream.read_nonblock(bytes - found.bytesize, exception: false) }
            raise EOFError, "the connection was closed" if part.nil?

            found << part
          end
          found
        end

        def wait(socket)
          loop do
            result = yield
            return result unless %i[wait_readable wait_writable].include?(result)

            left = @deadline - Clock.now
            ready = left.positive? && socket.public_send(result, left)
            raise Errno::ETIMEDOUT, "no answer within #{@seconds} s" unless ready
          end
        end
      end
    end
  end
end
