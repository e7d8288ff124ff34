# frozen_string_literal: true

require "etc"
require "io/wait"
require "json"
require "socket"

module Karafka
  module Cli
    # Sends a request to the control socket of a process.
    class ControlClient
      # How long a process may take to answer, seconds: longer than it waits for a message to be left out.
      PATIENCE = 20
      # Longest answer, bytes.
      LONGEST = 1_048_576
      private_constant :PATIENCE, :LONGEST

      # @param path [String]
      # @param patience [Numeric] seconds
      def initialize(path, patience: PATIENCE)
        @path = path
        @patience = patience
      end

      # @param request [Hash{Symbol=>Object}]
      # @return [Hash{String=>Object}] `ok`, and `message` or `error`
      # @raise [Errors::CommandError] there is no answer
      def call(request)
        UNIXSocket.open(@path) do |socket|
          socket.write("#{JSON.generate(request)}\n")
          JSON.parse(read(socket))
        end
      rescue Errno::ECONNREFUSED, Errno::ENOENT
        fail! "#{@path} is left behind by a process that is gone: start it again"
      rescue Errno::EACCES
        fail! "#{@path} belongs to another user (#{owner}): run this as that user or as root"
      rescue Errno::EPIPE, Errno::ECONNRESET, EOFError, JSON::ParserError
        fail! "the process at #{@path} ended the connection without an answer: look at its log"
      rescue SystemCallError => e
        fail! "#{@path} cannot be reached: #{e.message}"
      end

      private

      def read(socket)
        answer = +""
        deadline = Clock.now + @patience
        until answer.end_with?("\n")
          left = deadline - Clock.now
          unless left.positive? && socket.wait_readable(left)
            fail! "the process at #{@path} has not answered for #{@patience} s: a consumer may hold Ruby's lock, or it is stopped " \
                  "(SIGSTOP); `kill -TTIN` on it logs what it does"
          end
          answer << socket.readpartial(LONGEST)
          fail! "the process at #{@path} answers with more than #{LONGEST} bytes: this is no control socket" if answer.bytesize > LONGEST
        end
        answer
      end

      def owner
        Etc.getpwuid(File.stat(@path).uid).name
      rescue SystemCallError, ArgumentError
        "unknown"
      end

      def fail!(text)
        raise Errors::CommandError, text
      end
    end
  end
end
