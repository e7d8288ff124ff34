# frozen_string_literal: true

module Karafka
  module Server
    # A Unix socket through which `karafka pause`, `resume`, `skip` and `workers` reach this process (`config.control.socket`).
    # Only its user and root may use it. Forked children do not have it.
    class ControlSocket
      # Requests that are served at once; others are refused.
      MOST = 8
      BUSY = "#{MOST} requests are being served: try again".freeze
      # Seconds.
      PAUSE_AFTER_ERROR = 0.2
      private_constant :MOST, :BUSY, :PAUSE_AFTER_ERROR

      # @return [String] absolute
      attr_reader :path

      # The socket that is set. Where the block raises, it is removed again.
      # @return [ControlSocket, nil] nil: none is set
      # @raise [Errors::InvalidConfigurationError] it cannot be made there
      def self.bind
        given = App.config.control.socket
        made = given && new(Setup::SocketPath.of(given, node: App.config.swarm.node&.id))
        yield
        begun = true
        made
      ensure
        made&.close unless begun
      end

      # @param path [String]
      # @param commands [#call] performs a request, see {ControlCommands}
      # @raise [Errors::InvalidConfigurationError]
      def initialize(path, commands: ControlCommands)
        # Not loaded by a process without a socket.
        require "fileutils"
        require "socket"
        @path = path
        @commands = commands
        @pid = ::Process.pid
        @sessions = []
        @lock = Mutex.new
        FileUtils.mkdir_p(File.dirname(path))
        exclusively { bind }
      rescue SystemCallError => e
        release if @socket
        raise Errors::InvalidConfigurationError,
              "config.control.socket is #{path}, and no socket can be made there (#{e.message}): name a file in a directory that the " \
              "process may write to."
      end

      # Answers from now on.
      # @return [void]
      def serve
        @thread = Thread.new { accept_all }
        @thread.name = "karafka.control"
        @thread.report_on_exception = false
        Karafka.logger.info("Takes commands at #{path}")
      end

      # Removes the file. In a forked child it does nothing.
      # @return [void]
      def close
        return if @closed || ::Process.pid != @pid

        @closed = true
        remove
        @thread&.kill&.join
        @lock.synchronize { @sessions.dup }.each(&:kill)
        release
      end

      private

      # Two processes that start at once must not both find nobody there.
      def exclusively(&)
        File.open(File.dirname(path)) do |directory|
          directory.flock(File::LOCK_EX)
          yield
        end
      end

      def bind
        refuse_living if File.socket?(path)
        File.delete(path) if File.socket?(path)
        @socket = Socket.new(:UNIX, :STREAM)
        # In a child Ruby would close the number again, which may be another file's by then.
        @socket.autoclose = false
        Native.close_in_children(@socket.fileno)
        # Before it has a name: nobody else can open it, not even for a moment.
        File.for_fd(@socket.fileno, autoclose: false).chmod(0o600)
        @socket.bind(Addrinfo.unix(path))
        @inode = File.stat(path).ino
        # Under the lock: from here on other processes find this one.
        @socket.listen(MOST)
      end

      def refuse_living
        UNIXSocket.open(path, &:itself)
        raise Errors::InvalidConfigurationError,
              "config.control.socket is #{path}, which another process has: give each process a file of its own, or stop the other one."
      rescue Errno::ECONNREFUSED, Errno::ENOENT
        nil # left behind by a process that is gone
      end

      def release
        Native.keep_in_children(@socket.fileno)
        # Without this `close` would leave the number open.
        @socket.autoclose = true
        @socket.close
      end

      def remove
        File.delete(path) if File.stat(path).ino == @inode
      rescue Errno::ENOENT
        nil
      end

      def accept_all
        loop { accept }
      rescue IOError
        nil # closed
      end

      def accept
        connection, = @socket.accept
        @lock.synchronize { @sessions.size < MOST ? begin_session(connection) : ControlSession.refuse(connection, BUSY) }
      rescue SystemCallError => e
        Instrumentation::Safely.error(e, "control.accept.error", caller: self)
        # No file is free, for example: that does not end by asking again at once.
        IO.select(nil, nil, nil, PAUSE_AFTER_ERROR)
      end

      def begin_session(connection)
        thread = Thread.new do
          ControlSession.new(connection, @commands).run
        ensure
          @lock.synchronize { @sessions.delete(Thread.current) }
        end
        thread.name = "karafka.control"
        thread.report_on_exception = false
        @sessions << thread
      rescue ThreadError => e
        connection.close
        Instrumentation::Safely.error(e, "control.accept.error", caller: self)
      end
    end
  end
end
