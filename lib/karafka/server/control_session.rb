# frozen_string_literal: true

require "etc"
require "io/wait"
require "json"

module Karafka
  module Server
    # One connection to the control socket. A request is a line with a JSON object, and so is its answer; `ok` says whether it was
    # done. Whatever comes, only this connection ends with it.
    class ControlSession
      # How long a request may take to come, and its answer to be taken, seconds.
      PATIENCE = 5
      # Longest request, bytes.
      LONGEST = 16_384
      NO_REQUEST = "a request is one line with a JSON object, in UTF-8"
      NOT_ALLOWED = "only the user of the process and root may do that"
      PEER = Struct.new(:pid, :uid, :gid) do
        # @return [String] of the system; the number where it has none
        def name
          Etc.getpwuid(uid)&.name || uid.to_s
        rescue ArgumentError
          uid.to_s
        end
      end
      private_constant :PATIENCE, :LONGEST, :NO_REQUEST, :NOT_ALLOWED, :PEER

      # @param connection [Socket] which is not served
      # @param error [String]
      # @return [void]
      def self.refuse(connection, error)
        connection.write_nonblock("#{JSON.generate(ok: false, error: error)}\n", exception: false)
      rescue SystemCallError, IOError
        nil
      ensure
        connection.close
      end

      # @param connection [Socket]
      # @param commands [#call] gets a request and its {PEER}, and gives a Hash
      def initialize(connection, commands)
        @connection = connection
        @commands = commands
        @buffer = +""
      end

      # @return [void]
      def run
        peer = PEER.new(*@connection.getsockopt(:SOCKET, :PEERCRED).unpack("l3"))
        allowed = [::Process.euid, 0].include?(peer.uid)
        while (line = read)
          # Not before the request is read: what is left unread would take the answer with it.
          write(allowed ? answer(line, peer) : text(ok: false, error: NOT_ALLOWED))
        end
      rescue SystemCallError, IOError
        nil # It has hung up.
      ensure
        @connection.close
      end

      private

      def answer(line, peer)
        line.force_encoding(Encoding::UTF_8)
        return text(ok: false, error: NO_REQUEST) unless line.valid_encoding?

        text(@commands.call(JSON.parse(line, max_nesting: 4), peer))
      rescue JSON::ParserError
        text(ok: false, error: NO_REQUEST)
      rescue StandardError => e
        Instrumentation::Safely.error(e, "control.command.error", caller: self)
        text(ok: false, error: "#{e.class}: #{Instrumentation::Safely.message_of(e).scrub("?")}")
      end

      def text(answer) = "#{JSON.generate(answer)}\n"

      # @return [String, nil] nil: it has ended, or is too long or too slow
      def read
        deadline = Clock.now + PATIENCE
        until (line = @buffer.slice!(/\A[^\n]*\n/n))
          return refuse("a request has at most #{LONGEST} bytes") if @buffer.bytesize > LONGEST
          return unless (left = deadline - Clock.now).positive? && @connection.wait_readable(left)

          part = @connection.read_nonblock(LONGEST, exception: false)
          return if part.nil?

          @buffer << part unless part == :wait_readable
        end
        line
      end

      def refuse(error)
        write(text(ok: false, error: error))
        nil
      end

      def write(text)
        text = text.b
        deadline = Clock.now + PATIENCE
        until text.empty?
          written = @connection.write_nonblock(text, exception: false)
          next text = text.byteslice(written..) if written.is_a?(Integer)
          raise IOError, "the answer is not read" unless (left = deadline - Clock.now).positive? && @connection.wait_writable(left)
        end
      end
    end
  end
end
