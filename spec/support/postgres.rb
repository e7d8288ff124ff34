# frozen_string_literal: true

require "etc"
require "fileutils"
require "tmpdir"
require_relative "wait"

# A PostgreSQL of this process's own in a temporary directory, reached by a socket there.
#   postgres = Postgres.new.start;  postgres.url;  postgres.stop
class Postgres
  # @return [String, nil] why there is none here
  def self.unavailable
    return "PostgreSQL is not installed: bin/setup" unless bin
    return "the gem pg is not installed: apt-get install ruby-pg" unless Gem::Specification.any? { |spec| spec.name == "pg" }

    "PostgreSQL does not run as root, and there is no user postgres" if Process.uid.zero? && !user
  end

  def self.bin = Dir["/usr/lib/postgresql/*/bin"].max
  def self.user = Etc.getpwnam("postgres")

  # @return [String] where its socket is
  attr_reader :dir

  # @return [String] for PG.connect
  def url = "postgresql:///postgres?host=#{@dir}&user=postgres"

  # @return [self]
  def start
    @dir = Dir.mktmpdir("postgres")
    FileUtils.chown("postgres", nil, @dir) if Process.uid.zero?
    run("initdb", "-D", "#{@dir}/data", "-U", "postgres", "-A", "trust", "--no-sync")
    resume
    self
  end

  # After a {crash}.
  def resume
    run("pg_ctl", "-D", "#{@dir}/data", "-l", "#{@dir}/log", "-w", "-o", "-c listen_addresses='' -k #{@dir} -c fsync=off", "start")
    @up = true
  end

  # Ends it as a crash does: connections break, what is committed stays.
  def crash
    @up = false
    run("pg_ctl", "-D", "#{@dir}/data", "-m", "immediate", "stop")
  end

  def stop
    crash if @up
  ensure
    FileUtils.rm_rf(@dir) if @dir
  end

  private

  # It refuses to run as root.
  def run(program, *arguments)
    command = [File.join(self.class.bin, program), *arguments]
    command = ["runuser", "-u", "postgres", "--", *command] if Process.uid.zero?
    output = IO.popen(command, chdir: "/", err: %i[child out], &:read)
    raise "#{program} failed: #{output}" unless $?.success? # rubocop:disable Style/SpecialGlobalVars -- of popen
  end
end
