# frozen_string_literal: true

module Karafka
  module Setup
    # Where the socket of a process is.
    module SocketPath
      # What the kernel takes, bytes.
      MOST_BYTES = 107
      # Behind the name of a node's socket: a dot and up to three digits.
      NODE_BYTES = 4
      private_constant :MOST_BYTES, :NODE_BYTES

      class << self
        # @param given [String] as it was set; seen from the directory of the application
        # @param node [Integer, nil] of a swarm: each has a file of its own, such as `karafka.sock.0`
        # @param setting [String] for the message
        # @return [String] absolute
        # @raise [Errors::InvalidConfigurationError] it is too long
        def of(given, node: nil, setting: "config.control.socket")
          path = File.expand_path(given, Karafka.root)
          most = MOST_BYTES - NODE_BYTES
          return node ? "#{path}.#{node}" : path if path.bytesize <= most

          Setup.invalid!(setting, given, "a path of at most #{most} bytes; #{path} has #{path.bytesize}")
        end

        # @param path [String] of a process, or of a swarm
        # @return [Array<String>] those that are there: its own, or those of the nodes
        def existing(path)
          nodes = Dir.glob("#{path}.*").grep(/\.\d{1,3}\z/).sort_by { |name| name[/\d+\z/].to_i }
          [path, *nodes].select { |one| File.socket?(one) }
        end
      end
    end
  end
end
