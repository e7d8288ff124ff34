# frozen_string_literal: true

require "net/http"
require "socket"
require "spec_helper"
require "support/free_ports"
require "support/mock_cluster"
require "support/optional_gems"

# Real servers, where they are installed: what requests and jobs have sent is there after the server has ended.
RSpec.describe "producing in servers" do
  include MockCluster

  before { broker.create_topic("orders", 1) }

  after do
    close_cluster
    FileUtils.rm_rf(dir)
  end

  let(:dir) { Dir.mktmpdir("karafka-web") }

  def installed!(command, package = command, loads: nil)
    skip "#{command} is not installed (apt-get install #{package})" unless system("command -v #{command} > /dev/null")
    reason = loads && OptionalGems.missing(*loads)
    skip reason if reason
  end

  def free_port = FreePorts.take.first

  def write(name, text)
    File.write(File.join(dir, name), text)
  end

  # A linger that is longer than the server lives: nothing is sent before somebody flushes.
  def boot
    <<~RUBY
      $LOAD_PATH.unshift(#{File.expand_path("../../lib", __dir__).inspect})
      require "waterdrop"
      $stdout.sync = true
      PRODUCER = WaterDrop::Producer.new do |config|
        config.kafka = { "bootstrap.servers": "#{broker.bootstrap_servers}", "linger.ms": 60_000, log_level: 0 }
        config.logger = Logger.new($stdout)
      end
    RUBY
  end

  # One message where the application is loaded, one a request.
  def rack_application
    write("config.ru", <<~RUBY)
      #{boot}
      PRODUCER.produce_async(topic: "orders", payload: "boot")
      run(lambda do |_env|
        PRODUCER.produce_async(topic: "orders", payload: "request")
        [200, { "content-type" => "text/plain" }, [Process.pid.to_s]]
      end)
    RUBY
  end

  def output = File.read(File.join(dir, "out"))

  # Runs a server until the block is through; it has to end by itself then.
  def run(*command, signal: :TERM)
    out = File.join(dir, "out")
    pid = Process.spawn(*command, chdir: dir, out: out, err: %i[child out], in: File::NULL)
    yield pid
    Process.kill(signal, pid)
    ended = pid
    pid = nil
    wait_for_exit(ended)
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message}\n#{output}"
  ensure
    Process.kill(:KILL, pid) && Process.wait(pid) if pid
  end

  # Both are up: a signal may find one that has not set its traps yet.
  def both_workers(pattern)
    wait_until("two workers") { output.scan(pattern).size >= 2 }
  end

  # @return [Array<String>] pids that answered
  def requests(port, count)
    wait_until("the server") do
      Net::HTTP.get_response("127.0.0.1", "/", port).is_a?(Net::HTTPSuccess)
    rescue SystemCallError, EOFError
      false
    end
    Array.new(count - 1) { Net::HTTP.get("127.0.0.1", "/", port) }
  end

  it "loses nothing in Puma's single mode" do
    installed!("puma", loads: %w[puma])
    rack_application
    port = free_port
    run("puma", "-b", "tcp://127.0.0.1:#{port}", "-t", "1:2") { requests(port, 10) }
    expect([sent_to("orders"), output]).to match([11, /Gracefully stopping/])
  end

  it "loses nothing in Puma's cluster, preloaded after the producer was used" do
    installed!("puma", loads: %w[puma])
    rack_application
    port = free_port
    write("puma.rb", <<~RUBY)
      bind "tcp://127.0.0.1:#{port}"
      workers 2
      threads 1, 1
      preload_app!
      on_worker_shutdown { puts "closed, \#{WaterDrop.close} lost" }
    RUBY
    run("puma", "-C", "puma.rb") do
      both_workers(/Worker \d \(PID: \d+\) booted/)
      requests(port, 20)
    end
    # Whoever had no request has nothing to lose either, and closes all the same.
    expect([sent_to("orders"), output.scan("closed, 0 lost").size]).to eq([21, 2])
  end

  it "loses nothing in Puma's cluster without any hook" do
    installed!("puma", loads: %w[puma])
    rack_application
    port = free_port
    run("puma", "-b", "tcp://127.0.0.1:#{port}", "-w", "2", "-t", "1:1", "--preload") do
      both_workers(/Worker \d \(PID: \d+\) booted/)
      requests(port, 10)
    end
    expect(sent_to("orders")).to eq(11)
  end

  it "loses nothing in Unicorn, where a request waits for its answer" do
    installed!("unicorn", loads: %w[unicorn])
    rack_application
    # Unicorn ends its workers with exit!, which runs nothing: so nothing may be left when a request is through.
    text = File.read(File.join(dir, "config.ru"))
    write("config.ru", text.gsub('produce_async(topic: "orders", payload: "request")', 'produce_sync({ topic: "orders", payload: nil })')
                           .gsub('"linger.ms": 60_000, ', ""))
    port = free_port
    write("unicorn.rb", "worker_processes 2\npreload_app true\n")
    run("unicorn", "-c", "unicorn.rb", "-l", "127.0.0.1:#{port}", signal: :QUIT) do
      both_workers(/worker=\d ready/)
      requests(port, 10)
    end
    expect(sent_to("orders")).to eq(11)
  end

  it "loses nothing in Passenger, which forks the preloaded application" do
    installed!("passenger")
    rack_application
    File.write(File.join(dir, "config.ru"), "PhusionPassenger.on_event(:stopping_worker_process) { WaterDrop.close }\n", mode: "a")
    port = free_port
    options = %w[--engine=builtin --max-pool-size 2 --min-instances 2 --disable-security-update-check --disable-anonymous-telemetry]
    run("passenger", "start", "--address", "127.0.0.1", "--port", port.to_s, "--log-file", "out", "--pid-file", "pid", *options,
        signal: :INT) { requests(port, 10) }
    # It does not wait for the process that it forks from. Each look sends a message, too.
    looks = -1
    wait_until("the last message") { sent_to("orders") - (looks += 1) == 11 }
  rescue Wait::DeadlineError => e
    # Since 6.0.26 it looks there whether it is in a container.
    skip "this Passenger ends where /proc/1/environ cannot be read" if e.message.include?("Cannot open '/proc/1/environ'")
    raise
  end

  it "loses nothing in Sidekiq" do
    installed!("sidekiq", "ruby-sidekiq", loads: %w[json sidekiq])
    installed!("redis-server")
    port = free_port
    redis = Process.spawn("redis-server", "--port", port.to_s, "--bind", "127.0.0.1", "--save", "", chdir: dir, out: File::NULL)
    wait_until("redis") do
      TCPSocket.new("127.0.0.1", port).close || true
    rescue SystemCallError
      false
    end
    write("jobs.rb", <<~RUBY)
      #{boot}
      Sidekiq.configure_server { |config| config.redis = { url: "redis://127.0.0.1:#{port}" } }
      Sidekiq.configure_client { |config| config.redis = { url: "redis://127.0.0.1:#{port}" } }
      class Job
        include Sidekiq::Worker
        def perform(number)
          PRODUCER.produce_async(topic: "orders", payload: number.to_s)
          puts "job \#{number}"
        end
      end
    RUBY
    enqueue = "require 'sidekiq'; require './jobs'; 10.times { |number| Job.perform_async(number) }"
    expect(system(RbConfig.ruby, "-e", enqueue, chdir: dir, err: File::NULL)).to be(true)
    run("sidekiq", "-r", "./jobs.rb", "-c", "2") { wait_until("the jobs") { output.scan(/^job/).size == 10 } }
    expect(sent_to("orders")).to eq(10)
  ensure
    Process.kill(:TERM, redis) && Process.wait(redis) if redis
  end
end
