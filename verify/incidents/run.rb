# frozen_string_literal: true

require "json"
require "net/http"
require "open3"
require "securerandom"
require "tmpdir"
$LOAD_PATH.unshift(File.expand_path("../../lib", __dir__))
require "karafka"
require_relative "../support/server_process"
require_relative "../../spec/support/kafka_cluster"
require_relative "../../spec/support/wait"
require_relative "cases"

module Incidents
  # Makes an incident, and then does what somebody on call does who does not know the code: at most five commands. What they print has to
  # name the cause and the place.
  class Run
    MOST_COMMANDS = 5
    APP = File.join(__dir__, "app.rb")

    # @return [KafkaCluster]
    attr_reader :cluster
    # @return [String] name of the topic
    attr_reader :topic
    # @return [Integer] port of another process
    attr_reader :second
    # @return [String] of the consumers
    attr_reader :group
    # @return [String] path of the log of the first process
    attr_reader :log

    # @param cluster [KafkaCluster]
    # @param name [Symbol] of Cases
    def initialize(cluster, name)
      @cluster = cluster
      @case = Cases::ALL.fetch(name)
      @name = name
      @dir = Dir.mktmpdir("incident")
      @log = File.join(@dir, "karafka.log")
      @port, @second = FreePorts.take(2)
      @pids = []
      @transcript = []
    end

    # @return [Array<String>] what nothing of the output names, or what went wrong
    def call
      around do
        @case.fetch(:ask).call(self)
        said = @transcript.join("\n")
        missing = @case.fetch(:names).call(self).filter_map { |pattern| "nothing names #{pattern.inspect}" unless said.match?(pattern) }
        missing << "#{@commands} commands" if @commands > MOST_COMMANDS
        missing
      end
    end

    # Makes it for somebody else, who has a shell with the application in its directory, its log and its address.
    # @return [void]
    def play
      around do
        variables = application.map { |name, value| "#{name}=#{value}" }.join(" ")
        root = Verify::ServerProcess::ROOT
        puts "An incident is on. cd #{@dir}; the log is karafka.log; `curl #{url}` is the application.",
             "karafka COMMAND is: env #{variables} ruby -I#{root}/lib #{root}/exe/karafka COMMAND", "Enter ends it."
        $stdout.flush
        $stdin.gets
        puts "It was: #{@name} (#{@case.fetch(:names).call(self).map(&:source).join(", ")})"
      end
    end

    # @return [String] commands and what they printed
    def transcript = plain(@transcript.join("\n"))

    # A command of `karafka`, in the directory of the application.
    def karafka(*arguments) = command("karafka #{arguments.join(" ")}") { run_karafka(*arguments) }

    # The last lines of the log with that, with some lines behind each.
    def grep(pattern, last: 1, after: 0)
      command("grep -A #{after} '#{pattern}' karafka.log | tail -n #{last * (after + 1)}") do
        all = File.readlines(@log)
        found = all.each_index.select { |index| all[index].include?(pattern) }
        found.last(last).flat_map { |index| all[index, after + 1] }.join
      end
    end

    # Of what the process answers, as jq does; the block does the same.
    def jq(path, filter)
      command("curl -s #{url}#{path} | jq -c '#{filter}'") { yield(state(path)).map { |one| JSON.generate(one) }.join("\n") }
    end

    # @return [Hash] an answer, for whoever makes the incident
    def state(path = "/v1/state") = JSON.parse(Net::HTTP.get(URI("#{url}#{path}")))

    def wait(what, seconds: 60, &block) = Wait.wait_until(what, seconds: seconds, &block)
    def lines(pattern) = File.foreach(@log).grep(Regexp.new(pattern))

    def send_order(order, partition: 0)
      producer.produce_sync(topic: @topic, partition: partition, payload: order.is_a?(String) ? order : JSON.generate(order))
    end

    # Orders all the time.
    def feed(order, each: 0.01)
      @feed = Thread.new do
        loop do
          producer.produce_async(topic: @topic, payload: JSON.generate(order))
          sleep each
        end
      end
    end

    # @return [Integer] process id
    def start(client: "app-1", port: @port, log: @log)
      env = environment.merge("CLIENT" => client, "HTTP_PORT" => port.to_s, "CONTROL" => File.join(@dir, "#{client}.sock"),
                              "KARAFKA_LOG_LEVEL" => "info")
      pid = Verify::ServerProcess.start(APP, env, log: log)
      @pids << pid
      wait("#{client} to have partitions, see #{log}") { answer(port)&.dig("groups", 0, "partitions")&.positive? }
      pid
    end

    def kill(pid)
      Verify::ServerProcess.kill(pid)
      @pids.delete(pid)
    end

    # @return [String] "127.0.0.1:9394"
    def address = "127.0.0.1:#{@port}"

    # @return [String] of another process
    def other_log(client) = File.join(@dir, "#{client}.log")

    private

    # @yield while the incident is on
    def around
      @topic = @cluster.create_topic("orders-#{SecureRandom.hex(3)}", partitions: 2)
      @group = "shop-#{SecureRandom.hex(3)}"
      start
      @case.fetch(:make).call(self)
      yield
    ensure
      @case[:end]&.call(self)
      @feed&.kill
      @feed&.join
      @producer&.close
      @pids.each { |pid| Verify::ServerProcess.kill(pid) }
      FileUtils.rm_rf(@dir)
    end

    def command(text)
      @commands = @commands.to_i + 1
      @transcript << "$ #{text}" << yield.to_s.rstrip
    end

    # As somebody would have typed it.
    def plain(text)
      names = { @topic => "orders", @group => "shop", address => "app-1:9394", "127.0.0.1:#{@second}" => "app-2:9394", @dir => ".",
                Verify::ServerProcess::ROOT => "." }
      names.reduce(text) { |plain, (name, short)| plain.gsub(name, short) }
    end

    def run_karafka(*arguments)
      env = application.merge("BUNDLE_GEMFILE" => nil)
      root = Verify::ServerProcess::ROOT
      Open3.capture2e(env, RbConfig.ruby, "-I#{root}/lib", "#{root}/exe/karafka", *arguments, chdir: @dir).first
    end

    # For commands in its directory.
    def application
      environment.merge("KARAFKA_BOOT_FILE" => APP, "KARAFKA_ENV" => "test", "HTTP_PORT" => @port.to_s,
                        "CONTROL" => File.join(@dir, "app-1.sock"))
    end

    def environment = { "BROKERS" => @cluster.bootstrap_servers, "GROUP" => @group, "TOPIC" => @topic }
    def url = "http://127.0.0.1:#{@port}"

    def answer(port)
      JSON.parse(Net::HTTP.get(URI("http://127.0.0.1:#{port}/v1/state")))
    rescue SystemCallError, IOError
      nil
    end

    def producer
      servers = @cluster.bootstrap_servers
      @producer ||= WaterDrop::Producer.new do |config|
        config.kafka = { "bootstrap.servers": servers }
        config.logger = Logger.new(File::NULL)
      end
    end
  end
end
