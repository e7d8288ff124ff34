# frozen_string_literal: true

require "json"
require "net/http"
require_relative "../support/server_process"
require_relative "../../spec/support/wait"

module Scraping
  # The processes that are scraped, each at a port of its own. Each start is a life with a journal.
  class Fleet
    # From a start to an end. Times are seconds since 1970; `away_until`: when it answered first.
    Life = Struct.new(:port, :pid, :journal, :log, :began, :answered, :ended, keyword_init: true) do
      # @return [Array<Array(String, Float, String)>] kind, time, what
      def entries
        lines = File.exist?(journal) ? File.readlines(journal) : []
        lines.select { |line| line.end_with?("\n") }.map { |line| line.split.then { |kind, at, what| [kind, Float(at), what] } }
      end
    end

    # @return [Array<Life>]
    attr_reader :lives
    # @return [Hash{Integer=>Array<Array(Float, Float)>}] by port, when a process could not answer
    attr_reader :away

    def initialize(dir, shared)
      @dir = dir
      @shared = shared
      @lives = []
      @away = Hash.new { |hash, port| hash[port] = [] }
      @lock = Mutex.new
    end

    # Those that have a process.
    def running = @lock.synchronize { @lives.select { |life| life.pid && !life.ended } }

    # Waits until it answers.
    # @param path [String] "/livez", or "/readyz" for a member that has partitions
    def start(port, path = "/livez")
      life = @lock.synchronize { Life.new(**files(@lives.size), port: port, began: now).tap { |one| @lives << one } }
      options = @shared.merge(port: port, journal: life.journal, control: File.join(@dir, "socket-#{port}"))
      life.pid = Verify::ServerProcess.start(File.join(__dir__, "member.rb"), { "VERIFY_OPTIONS" => JSON.generate(options) }, log: life.log)
      gone = @lives.reverse.find { |other| other.port == port && other.ended }&.ended || 0.0
      Wait.wait_until("the process at #{port} to answer, see #{life.log}") { answers?(port, path) }
      @away[port] << [gone, life.answered = now]
      life
    end

    def kill(life)
      life.ended = now
      Verify::ServerProcess.kill(life.pid)
    end

    # @return [String, nil] what was wrong with its end
    def stop(life)
      life.ended = now
      Process.kill(:TERM, life.pid)
      status = Wait.wait_for_exit(life.pid)
      "the process at #{life.port} ended with #{status.exitstatus.inspect}, see #{life.log}" unless status.success?
    end

    # Stands still for so long.
    def freeze(life, seconds)
      began = now
      Process.kill(:STOP, life.pid)
      sleep seconds
      Process.kill(:CONT, life.pid)
      @away[life.port] << [began, now]
    end

    def kill_all = running.each { |life| kill(life) }

    private

    def files(number) = { journal: File.join(@dir, "journal-#{number}"), log: File.join(@dir, "log-#{number}") }

    def answers?(port, path)
      Net::HTTP.get_response(URI("http://127.0.0.1:#{port}#{path}")).is_a?(Net::HTTPSuccess)
    rescue SystemCallError, IOError
      false
    end

    def now = Process.clock_gettime(Process::CLOCK_REALTIME)
  end
end
