# frozen_string_literal: true

module Racecar
  # A process in the background, and the file with its id.
  class Daemon
    # @param pid [Integer]
    # @return [Boolean] whether there is such a process
    def self.alive?(pid)
      Process.kill(0, pid)
      true
    rescue Errno::EPERM
      true
    rescue Errno::ESRCH
      false
    end

    # @return [String] path
    attr_reader :pidfile

    # @param pidfile [String] path
    def initialize(pidfile)
      @pidfile = pidfile
    end

    # Goes on in the background. Paths stay relative to this directory.
    # @return [void]
    def daemonize!
      Process.daemon(true)
    end

    # @param logfile [String, nil] nil: nowhere
    # @return [void]
    def redirect_output(logfile)
      target = logfile || File::NULL
      $stdout.reopen(target, "a")
      $stderr.reopen($stdout)
      $stdout.sync = $stderr.sync = true
    end

    # @return [void]
    # @raise [ConsumerError] the process of that file runs
    def check_pid
      raise ConsumerError, "a process runs already, PID #{pid} of #{pidfile}" if running?
    end

    # Writes the file, and deletes it when the process ends.
    # @return [void]
    def write_pid
      File.write(pidfile, Process.pid.to_s)
      owner = Process.pid
      at_exit { File.delete(pidfile) if Process.pid == owner && pid == owner }
    end

    # @return [Integer, nil]
    def pid
      Integer(File.read(pidfile).strip, 10, exception: false)
    rescue Errno::ENOENT
      nil
    end

    # @return [Boolean]
    def running?
      !pid.nil? && Daemon.alive?(pid)
    end

    # Tells it to stop; does not wait.
    # @return [void]
    def stop!
      Process.kill("TERM", pid)
    end

    # @return [String] for people
    def pid_status
      return "not running - no #{pidfile}" unless File.exist?(pidfile)

      running? ? "running (PID = #{pid})" : "not running - #{pidfile} is left over from PID #{pid.inspect}"
    end
  end
end
