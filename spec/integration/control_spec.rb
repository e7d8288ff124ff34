# frozen_string_literal: true

require "open3"
require "spec_helper"
require "support/mock_cluster"
require "support/server_process"

RSpec.describe "commands for a running process" do
  include MockCluster

  before do
    broker.create_topic("orders", 1)
    broker.create_topic("dead", 1)
    @home = Dir.mktmpdir
  end

  after do
    @servers&.each(&:close)
    close_cluster
    FileUtils.rm_rf(@home)
  end

  let(:socket) { File.join(@home, "karafka.sock") }

  # Its consumer never gets through "poison", and waits ten minutes before it tries again.
  consumers = <<~'RUBY'
    require "karafka"
    def out(text) = File.write(ENV.fetch("APP_OUTPUT"), "#{text}\n", mode: "a")

    class OrdersConsumer < Karafka::BaseConsumer
      def consume
        messages.each do |message|
          out("#{message.offset} attempt #{attempt}")
          raise "cannot read it" if message.raw_payload == "poison"
          sleep if message.raw_payload == "endless"
          mark_as_consumed(message)
        end
      end
    end

    class DeadConsumer < Karafka::BaseConsumer
      def consume = messages.each { |message| out("dead #{message.raw_payload} #{JSON.generate(message.raw_headers)}") }
    end
    Karafka.monitor.subscribe("control.command") { |event| out("event #{event[:command]} #{event[:user]} #{event[:reason]}") }
  RUBY

  define_method(:server) do |*command, topic: ""|
    made = ServerProcess.new(<<~RUBY).start(*command)
      #{consumers}
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "#{broker.bootstrap_servers}" }
        config.concurrency = 2
        config.pause.timeout = 600_000
        config.pause.max_timeout = 600_000
        config.control.socket = "#{socket}"
        config.shutdown_timeout = 1_000
      end
      Karafka::App.routes.draw do
        topic(:orders) { consumer OrdersConsumer; #{topic} }
        consumer_group(:dead) { topic(:dead) { consumer DeadConsumer } }
      end
    RUBY
    (@servers ||= []) << made
    made
  end

  # @return [Array(Integer, String)] exit status, and what it printed
  def karafka(*argv)
    command = [RbConfig.ruby, "-I", "#{ServerProcess::ROOT}/lib", "#{ServerProcess::ROOT}/exe/karafka", *argv, "--socket", socket]
    text, status = Open3.capture2e({ "BUNDLE_GEMFILE" => nil }, *command, chdir: @home)
    [status.exitstatus, text]
  end

  it "sends the message that holds a partition up to the dead letter queue while it waits for another attempt, and the rest goes on" do
    produce("orders", %w[a poison c])
    running = server(topic: "dead_letter_queue topic: 'dead', max_retries: 1000")
    running.wait_for_output { |lines| lines.include?("1 attempt 1") }
    status, text = karafka("skip", "orders/0@1", "--reason", "no such currency")
    expect([status, text]).to eq([0, "process #{running.pid}: orders/0@1 went to dead\n"])
    running.wait_for_output { |lines| lines.include?("2 attempt 1") }
    wait_until("the commit") { committed("app", "orders") == 3 }
    dead = running.wait_for_output { |lines| lines.grep(/\Adead poison/).first }
    expect(JSON.parse(dead.delete_prefix("dead poison "))).to include(
      "source_reason" => "operator", "source_error_message" => "no such currency", "source_topic" => "orders", "source_offset" => "1"
    )
    user = Etc.getpwuid.name
    expect(running.log).to match(/skip by #{user} \(uid #{Process.uid}, process \d+\), because "no such currency": orders.0@1 went to dead/)
    expect(running.output).to include("event skip #{user} no such currency")
    expect(karafka("skip", "orders/0@1", "--reason", "again"))
      .to eq([1, "karafka: orders/0@1 is passed already: the group app is at 3\n"])
    expect(karafka("skip", "orders/0@9", "--reason", "too early"))
      .to eq([1, "karafka: orders/0@9 is not reached yet: the group app is at 3\n"])
    expect(karafka("skip", "orders/0@1")).to match([1, /skip needs --reason TEXT/])
    expect(karafka("skip", "orders@1", "--reason", "x")).to match([1, %r{"orders@1" must be TOPIC/PARTITION@OFFSET}])
    expect(karafka("skip", "orders/7@0", "--reason", "x"))
      .to eq([1, "karafka: orders/7 is not assigned to this process, which has dead/0, orders/0\n"])
    expect(karafka("pause", "ordres").last).to match(/no route has the topic `ordres`.*orders/)
    running.signal(:TERM)
    expect([running.wait, File.exist?(socket)]).to eq([0, false])
    expect(karafka("resume", "orders")).to match([1, /\Akarafka: no process takes commands at .*karafka.sock/])
  end

  it "leaves it out when its partition goes on that an operator has paused, without a dead letter queue" do
    produce("orders", %w[poison b])
    running = server
    running.wait_for_output { |lines| lines.include?("0 attempt 1") }
    expect(karafka("pause", "orders/0")).to eq([0, "process #{running.pid}: orders/0 is paused\n"])
    expect(karafka("skip", "orders/0@0", "--reason",
                   "no customer")).to match([0, /orders.0@0 is left out as soon as its partition goes on/])
    produce("orders", %w[c])
    karafka("pause", "orders")
    expect(karafka("resume", "orders/0")).to match([1, %r{orders/0 stays paused, because topic orders is}])
    expect(karafka("resume", "orders")).to eq([0, "process #{running.pid}: orders is resumed: 1 partition of this process\n"])
    running.wait_for_output { |lines| lines.include?("2 attempt 1") }
    expect(running.output.grep(/attempt/)).to eq(["0 attempt 1", "1 attempt 1", "2 attempt 1"])
    expect(running.log).to match(%r{orders/0@0 is skipped \(operator\): .*no customer})
    wait_until("the commit") { committed("app", "orders") == 3 }
  end

  it "does not end a batch that runs" do
    produce("orders", %w[endless])
    running = server
    running.wait_for_output { |lines| lines.include?("0 attempt 1") }
    answer = UNIXSocket.open(socket) do |connection|
      connection.puts(JSON.generate(command: "skip", topic: "orders", partition: 0, offset: 0, reason: "x"))
      connection.wait_readable(30) && JSON.parse(connection.gets)
    end
    expect(answer).to include("ok" => true, "result" => "waits")
  end

  it "changes the number of workers at once, and takes them away as their batches end" do
    broker.create_topic("more", 1)
    running = server
    running.wait_for_log(/Takes commands at/)
    expect(karafka("workers", "6", "--reason", "a long night")).to eq([0, "process #{running.pid}: 6 workers instead of 2\n"])
    expect(karafka("workers", "1")).to match([0, /1 workers instead of 6: those that are too many end after their batch/])
    expect(running.log).to match(/Scaled from 2 to 6 workers.*Scaled from 6 to 1 workers/m)
    expect(wait_until("one worker") { karafka("workers", "1").last[/instead of 1\b/] }).to be_truthy
    expect(karafka("workers", "0")).to match([1, /workers is 0, but must be an Integer from 1 to 1000/])
    expect(karafka("workers", "many")).to match([1, /"many" must be a number/])
  end

  it "takes the place of a process that was killed" do
    first = server
    first.wait_for_log(/Takes commands at/)
    second = server
    expect(second.wait).to eq(1)
    expect(second.log).to match(/config.control.socket is .* which another process has/)
    first.signal(:KILL)
    first.wait
    expect(File.socket?(socket)).to be(true)
    expect(karafka("pause", "orders")).to match([1, /is left behind by a process that is gone/])
    third = server
    third.wait_for_log(/Takes commands at/)
    expect(karafka("pause", "orders").first).to eq(0)
  end

  it "goes on whatever comes through the socket" do
    produce("orders", %w[a])
    running = server
    running.wait_for_log(/Takes commands at/)
    random = Random.new(seed = Random.new_seed)
    200.times do
      UNIXSocket.open(socket) do |connection|
        connection.write(random.bytes(random.rand(1..200)), ["\n", ""].sample(random: random))
      end
    rescue Errno::EPIPE, Errno::ECONNRESET, Errno::EAGAIN, Errno::ENOTCONN
      nil
    end
    expect(wait_until("an answer") { karafka("workers", "3").first.zero? }).to be(true), "seed #{seed}"
    running.wait_for_output { |lines| lines.include?("0 attempt 1") }
  end

  it "reaches each node of a swarm through a socket of its own" do
    running = server("swarm", "--nodes", "2")
    wait_until("both nodes") { [0, 1].all? { |node| running.log.include?("Takes commands at #{socket}.#{node}") } }
    expect(File.exist?(socket)).to be(false)
    status, text = karafka("pause", "orders")
    expect([status, text.scan(/\(node (\d)\): orders is paused/).flatten]).to eq([0, %w[0 1]])
    running.signal(:TERM)
    running.wait
    expect(Dir.children(@home).grep(/sock/)).to eq([])
  end
end
