# frozen_string_literal: true

require "socket"
require "spec_helper"
require "support/free_ports"
require "support/mock_cluster"

# An application of 1.x with `backend :sidekiq`, with the real Sidekiq and Redis where they are installed.
RSpec.describe "backend :sidekiq with Sidekiq and Redis" do
  include MockCluster

  let(:dir) { Dir.mktmpdir("karafka-sidekiq") }
  let(:port) { FreePorts.take.first }
  # Outside of the bundle, which has no Sidekiq: as an application that has it in its own.
  let(:env) { %w[BUNDLE_GEMFILE RUBYOPT RUBYLIB BUNDLER_SETUP BUNDLE_BIN_PATH].to_h { |name| [name, nil] } }

  before do
    { "sidekiq" => "ruby-sidekiq", "redis-server" => "redis-server" }.each do |command, package|
      skip "#{command} is not installed (apt-get install #{package})" unless system("command -v #{command} > /dev/null")
    end
    @pids = []
    broker.create_topic("videos", 1)
    start({}, "redis-server", "--port", port.to_s, "--bind", "127.0.0.1", "--save", "", log: "redis")
    wait_until("Redis") do
      TCPSocket.new("127.0.0.1", port).close || true
    rescue SystemCallError
      false
    end
    File.write(File.join(dir, "karafka.rb"), application)
  end

  after do
    @pids&.each do |pid|
      Process.kill(:TERM, pid)
      wait_for_exit(pid)
    end
    close_cluster
    FileUtils.rm_rf(dir)
  end

  def application
    <<~RUBY
      $LOAD_PATH.unshift(#{File.expand_path("../../lib", __dir__).inspect})
      require "sidekiq"
      require "karafka"
      $stdout.sync = true
      redis = { url: "redis://127.0.0.1:#{port}" }
      Sidekiq.configure_client { |config| config.redis = redis }
      Sidekiq.configure_server { |config| config.redis = redis }

      class ApplicationWorker < Karafka::BaseWorker
        sidekiq_options queue: "default", retry: 0
      end

      class VideosConsumer < Karafka::BaseConsumer
        def consume
          messages.each { |message| puts "did \#{message.offset} \#{message.raw_payload.unpack1("H*")} \#{message.topic}" }
        end
      end

      class KarafkaApp < Karafka::App
        setup do |config|
          config.kafka = { "bootstrap.servers": "#{broker.bootstrap_servers}", "auto.offset.reset": "earliest" }
          config.client_id = "shop"
          config.backend = :sidekiq
        end
        consumer_groups.draw { topic(:videos) { consumer VideosConsumer } }
      end
    RUBY
  end

  def start(more, *command, log:)
    out = File.join(dir, log)
    Process.spawn(env.merge(more), *command, chdir: dir, out: out, err: %i[child out], in: File::NULL).tap { |pid| @pids << pid }
  end

  def output(log) = File.file?(File.join(dir, log)) ? File.read(File.join(dir, log)) : ""

  def karafka(*arguments, log:)
    executable = File.expand_path("../../exe/karafka", __dir__)
    start({ "RUBYLIB" => File.expand_path("../../lib", __dir__) }, RbConfig.ruby, executable, *arguments, log: log)
  end

  it "does in a process of Sidekiq what a server has enqueued, and commits once it is enqueued" do
    bytes = ["\xff\x00".b, "{}"]
    produce("videos", bytes)
    karafka("server", log: "server")
    wait_until("the commit\n#{output("server")}") { committed("app", "videos") == 2 }
    expect(output("server")).not_to include("did ")
    karafka("worker", "-c", "1", log: "worker")
    wait_until("the jobs") { output("worker").scan(/^did/).size == 2 }
    expect(output("worker").scan(/^did (\d) (\w+) (\w+)/)).to eq([%w[0 ff00 videos], %w[1 7b7d videos]])
    expect(output("worker")).to include("karafka-rs:", "Booting Sidekiq")
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message}\n#{output("server")}\n#{output("worker")}"
  end
end
