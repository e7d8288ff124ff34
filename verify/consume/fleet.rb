# frozen_string_literal: true

require "json"
require_relative "../support/server_process"

module Consume
  # The processes of the group. Each start is an incarnation with a journal of its own.
  class Fleet
    STOP_SECONDS = 60

    # One life of a member. `ended`: :killed, :stopped or nil; times are microseconds of the monotonic clock.
    Incarnation = Struct.new(:id, :member, :pid, :journal, :log, :ended, :ended_at, keyword_init: true)

    # @return [Array<Incarnation>] all there ever were
    attr_reader :incarnations

    # @param dir [String] for journals and logs
    # @param shared [Hash] options that all members get
    # @param random [Random]
    def initialize(dir, shared, random)
      @dir = dir
      @shared = shared
      @random = random
      @incarnations = []
    end

    def running = @incarnations.reject(&:ended)

    def start(member)
      id = @incarnations.size
      journal = File.join(@dir, "journal-#{id}")
      log = File.join(@dir, "log-#{id}")
      options = @shared.merge(member: "member-#{member}", seed: @random.rand(1 << 30), journal: journal)
      pid = Verify::ServerProcess.start(File.join(__dir__, "member.rb"), { "VERIFY_OPTIONS" => JSON.generate(options) }, log: log)
      @incarnations << Incarnation.new(id: id, member: member, pid: pid, journal: journal, log: log)
    end

    def kill(incarnation)
      Process.kill(:KILL, incarnation.pid)
      Process.wait(incarnation.pid)
      over(incarnation, :killed)
    end

    # @return [String, nil] what was wrong with its end
    def stop(*incarnations)
      incarnations.each { |incarnation| Process.kill(:TERM, incarnation.pid) }
      incarnations.filter_map do |incarnation|
        status = wait(incarnation)
        over(incarnation, status ? :stopped : :killed)
        next "member #{incarnation.id} did not stop within #{STOP_SECONDS} s, see #{incarnation.log}" unless status

        next if status.success? || never_began?(incarnation, status)

        "member #{incarnation.id} ended with #{status.exitstatus.inspect}, see #{incarnation.log}"
      end.first
    end

    # @return [Array<String>] of members that ended though nobody told them to
    def deaths
      running.filter_map do |incarnation|
        _, status = Process.wait2(incarnation.pid, Process::WNOHANG)
        next unless status

        over(incarnation, :killed)
        "member #{incarnation.id} ended by itself with #{status.inspect}, see #{incarnation.log}"
      end
    end

    def kill_all
      running.each { |incarnation| kill(incarnation) }
    end

    private

    # On a busy machine it may be told to stop while Ruby still loads, before the server looks at signals.
    def never_began?(incarnation, status)
      status.termsig == Signal.list.fetch("TERM") && !File.size?(incarnation.journal)
    end

    def wait(incarnation)
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + STOP_SECONDS
      loop do
        _, status = Process.wait2(incarnation.pid, Process::WNOHANG)
        return status if status

        if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
          Process.kill(:KILL, incarnation.pid)
          Process.wait(incarnation.pid)
          return
        end
        sleep 0.02
      end
    end

    def over(incarnation, how)
      incarnation.ended = how
      incarnation.ended_at = Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond)
    end
  end
end
