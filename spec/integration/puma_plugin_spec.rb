# frozen_string_literal: true

require "net/http"
require "open3"
require "spec_helper"
require "support/free_ports"
require "support/mock_cluster"
require "support/optional_gems"
require "support/terminal"

# A real Puma that consumes as well.
RSpec.describe "Puma's plugin", skip: OptionalGems.missing("puma") do
  include MockCluster

  before do
    broker.create_topic("orders", 2)
    write("karafka.rb", <<~RUBY)
      require "karafka"
      $stdout.sync = true
      class OrdersConsumer < Karafka::BaseConsumer
        def consume = tell(*messages.raw_payloads)
        def shutdown = tell("shutdown")
        def tell(*words) = words.each { |word| File.write("seen", "\#{Process.pid} \#{word}\\n", mode: "a") }
      end
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "#{broker.bootstrap_servers}", "session.timeout.ms": 6_000 }
        config.client_id = "web"
      end
      Karafka::App.routes.draw { topic(:orders) { consumer OrdersConsumer } }
      Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new)
    RUBY
    # The partitions in turn, so that each worker gets some.
    write("config.ru", <<~RUBY)
      require "./karafka"
      run(lambda do |env|
        number = env["PATH_INFO"].delete("/").to_i
        Karafka.producer.produce_sync(topic: "orders", payload: number.to_s, partition: number % 2)
        [200, {}, ["sent"]]
      end)
    RUBY
  end

  after do
    terminal.close
    close_cluster
    FileUtils.rm_rf(dir)
  end

  let(:dir) { Dir.mktmpdir("karafka-puma") }
  let(:terminal) { Terminal.new(dir, "KARAFKA_ENV" => "test", "KARAFKA_LOG_LEVEL" => "info") }
  let(:port) { FreePorts.take.first }

  def write(name, text) = File.write(File.join(dir, name), text)

  # @return [Array<Array(String, String)>] pid and what it has seen
  def seen
    path = File.join(dir, "seen")
    File.exist?(path) ? File.readlines(path).take_while { |line| line.end_with?("\n") }.map(&:split) : []
  end

  def puma(*settings)
    write("puma.rb", ["bind \"tcp://127.0.0.1:#{port}\"", "threads 1, 2", "plugin :karafka", *settings, ""].join("\n"))
    terminal.start("exec puma -I #{File.expand_path("../../lib", __dir__)} -C puma.rb")
  end

  # Ten of them, all seen.
  def request(web)
    numbers = (1..10).map(&:to_s)
    numbers.each { |number| expect(Net::HTTP.get("127.0.0.1", "/#{number}", port)).to eq("sent"), web.log }
    wait_until("the messages", seconds: Wait::LONG * 2) { seen.map(&:last).sort == numbers.sort }
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message}, there are #{seen}\n#{web.log}"
  end

  def commits = [0, 1].sum { |partition| committed("app", "orders", partition).to_i }

  # Each server has ended, and all is committed: nothing comes again.
  def expect_clean_end(web, servers)
    expect([web.log.scan("Stopped Karafka").size, commits]).to eq([servers, 10])
  end

  it "consumes in the process of single mode, and ends with it", deadline: 300 do
    web = puma
    terminal.wait_for_log(web, /assigned orders\[0,1\]/)
    request(web)
    expect(seen.map(&:first).uniq).to eq([web.pid.to_s])
    terminal.stop(web, signal: :TERM)
    expect(seen.map(&:last).count("shutdown")).to eq(2)
    expect_clean_end(web, 1)
  end

  it "ends Puma where the routes are wrong", deadline: 300 do
    write("karafka.rb", "require \"karafka\"\nKarafka::App.routes.draw { topic(:orders) }\n")
    web = puma
    expect(wait_for_exit(web.pid, seconds: Wait::LONG * 2).exitstatus).to eq(1)
    expect(web.log).to match(/InvalidConfigurationError.*orders/)
  end

  it "ends at each of 15 Ctrl-C, whenever they come", deadline: 600 do
    15.times do |round|
      web = puma
      terminal.wait_for_log(web, /Use Ctrl-C to stop/)
      expect(Net::HTTP.get("127.0.0.1", "/#{round}", port)).to eq("sent"), web.log
      terminal.stop(web, signal: :INT)
    end
  end

  it "lets a thread that tells Puma of its end return before Puma goes on" do
    output, status = Open3.capture2e(Terminal::NEUTRAL, RbConfig.ruby, "-I", File.expand_path("../../lib", __dir__), "-e", <<~RUBY)
      require "puma"
      require "puma/events"
      require "puma/plugin/karafka"
      Told = Thread::Queue.new
      def notify_safely = Told.pop && puts("the writer returns")
      # Up to Puma 5 they write, too.
      events = Puma::Events.instance_method(:initialize).arity.zero? ? Puma::Events.new : Puma::Events.strings
      launcher = Struct.new(:events, :config).new(events, Struct.new(:options).new({ workers: 0 }))
      Puma::Plugins.find("karafka").new.start(launcher)
      launcher.events.fire(:state, :running)
      writer = Thread.new { notify_safely }
      Thread.pass until writer.stop?
      closer = Thread.new { launcher.events.fire(:state, :stop) && puts("Puma goes on") }
      Thread.pass until closer.stop?
      Told << true
      closer.join
    RUBY
    expect([output, status.success?]).to eq(["the writer returns\nPuma goes on\n", true])
  end

  ["preload_app!", "preload_app! false"].each do |preloading|
    it "consumes in each worker of a cluster with #{preloading}, not in its master, and ends with them", deadline: 300 do
      web = puma("workers 2", preloading)
      # The one that came first gives a partition away.
      wait_until("a partition for each worker", seconds: Wait::LONG * 2) do
        assigned = web.log.scan(/#(\d+)\].*assigned (orders\[[01,]+\])/).to_h
        assigned.values.sort == %w[orders[0] orders[1]]
      end
      request(web)
      workers = seen.map(&:first).uniq
      expect([workers.size, workers.include?(web.pid.to_s)]).to eq([2, false])
      # The mock cluster takes no commit of the one that is left when the other one has gone.
      wait_until("the commits") { commits == 10 }
      # The master alone is told, as a process manager does.
      Process.kill(:TERM, web.pid)
      wait_for_exit(web.pid, seconds: Wait::LONG * 2)
      expect_clean_end(web, 2)
    end
  end
end
