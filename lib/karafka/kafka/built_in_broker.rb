# frozen_string_literal: true

require "etc"

module Karafka
  # How other processes on this machine know that the Kafka they are to use is `karafka broker`. Its group coordinator makes
  # a group wait for a second less than the session's timeout whenever a member joins, leaves or is gone; librdkafka's 45
  # seconds are no time to wait for in development.
  module BuiltInBroker
    # What its clients get, where nothing is set: a second in which those that stay join again, hearing of it within half of one.
    SESSION_TIMEOUT_MS = 2_000

    class << self
      # @param servers [String] host:port, with commas between them
      # @yield while it runs
      # @return [Object] what the block returns
      def announced(servers)
        require "fileutils"
        files = files(servers)
        files.each { |file| File.write(file, ::Process.pid.to_s) }
        yield
      rescue SystemCallError => e
        raise Errors::CommandError, "cannot write to #{directory}: #{e.message}"
      ensure
        FileUtils.rm_f(files) if files
      end

      # @param servers [String]
      # @return [Boolean] whether that is it, and it runs
      def at?(servers)
        files = files(servers)
        files.any? && files.all? { |file| File.file?(file) && running?(File.read(file).to_i) }
      rescue SystemCallError
        false
      end

      private

      def files(servers)
        ports = servers.to_s.split(",").map { |server| server.strip[/\A(?:127\.0\.0\.1|localhost):(\d+)\z/, 1] }
        ports.all? ? ports.map { |port| File.join(directory, "karafka-broker-#{port}") } : []
      end

      # As Dir.tmpdir, which every server of a machine would load a library for.
      def directory
        ENV["TMPDIR"] || Etc.systmpdir
      end

      def running?(pid)
        pid.positive? && ::Process.kill(0, pid)
      rescue Errno::ESRCH
        false
      rescue Errno::EPERM
        true
      end
    end
  end
end
