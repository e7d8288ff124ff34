# frozen_string_literal: true

require "json"
require "rbconfig"

module Brokers
  # Processes that are members of one group, and what they have processed.
  class Fleet
    BOOT = File.expand_path("member.rb", __dir__)
    PYTHON_MEMBER = File.expand_path("foreign_member.py", __dir__)
    HERE = File.expand_path("../..", __dir__)

    # @param ground [Ground]
    # @param group [String]
    # @param topic [String]
    # @param kafka [Hash] librdkafka's settings of every member
    def initialize(ground, group:, topic:, kafka: {})
      @ground = ground
      @options = { group: group, topic: topic, brokers: ground.servers, kafka: kafka }
      @members = {}
    end

    # @param name [String]
    # @param checkout [String] whose gem it runs
    # @param parallel [Boolean] several messages of a partition at once
    # @param settings [Hash] further settings of librdkafka
    # @return [void]
    def join(name, checkout: HERE, parallel: false, **settings)
      env = { "KARAFKA_BOOT_FILE" => BOOT, "KARAFKA_ENV" => "test", "BUNDLE_GEMFILE" => nil,
              "VERIFY_OPTIONS" => options(name, settings, parallel: parallel) }
      spawn(name, env, RbConfig.ruby, "-I#{checkout}/lib", "#{checkout}/exe/karafka", "server")
    end

    # A member of another library, with what today's Ruby framework sets.
    # @param python [String] with confluent-kafka
    # @return [void]
    def join_foreign(name, python, **settings)
      spawn(name, { "VERIFY_OPTIONS" => options(name, settings) }, python, PYTHON_MEMBER)
    end

    # @return [void]
    def leave(name)
      pid = @members.delete(name)
      Process.kill(:TERM, pid)
      ended = @ground.wait_until("#{name} has ended", seconds: 60) { Process.wait2(pid, Process::WNOHANG) }
      @ground.expect(ended.last.success?, "#{name} ended with #{ended.last.inspect}")
    end

    # @return [Boolean] whether it has processed something
    def at_work?(name) = File.size?(journal(name)).to_i.positive?

    # @return [Array<String>] payloads that were processed, with repetitions
    def processed(*names)
      Dir[File.join(@ground.dir, "journal-#{@options[:group]}-{#{names.empty? ? "*" : names.join(",")}}")]
        .flat_map { |file| File.readlines(file, chomp: true) }
    end

    # @return [void]
    def kill_all
      @members.each_value do |pid|
        Process.kill(:KILL, pid)
        Process.wait(pid)
      rescue Errno::ESRCH, Errno::ECHILD
        nil # it has ended
      end
      @members.clear
    end

    def log(name) = File.join(@ground.dir, "log-#{@options[:group]}-#{name}")

    private

    def spawn(name, env, *command)
      @members[name] = Process.spawn(env, *command, chdir: @ground.dir, in: File::NULL, out: [log(name), "a"], err: %i[child out])
    end

    def options(name, settings, **others)
      JSON.generate(@options.merge(journal: journal(name), kafka: @options[:kafka].merge(settings), **others))
    end

    def journal(name) = File.join(@ground.dir, "journal-#{@options[:group]}-#{name}")
  end
end
