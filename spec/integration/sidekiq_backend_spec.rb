# frozen_string_literal: true

require "socket"
require "spec_helper"
require "support/free_ports"
require "support/mock_cluster"
require "support/optional_gems"

# An application of 1.x with `backend :sidekiq`, with the real Sidekiq and Redis where they are installed.
# A Sidekiq may want a newer json than Ruby brings.
unloadable = OptionalGems.missing("json", "sidekiq") unless ENV["KARAFKA_TEST_SIDEKIQ"]

RSpec.describe "backend :sidekiq with Sidekiq and Redis", skip: unloadable do
  include MockCluster

  let(:dir) { Dir.mktmpdir("karafka-sidekiq") }
  let(:port) { FreePorts.take.first }
  # Another Sidekiq: KARAFKA_TEST_SIDEKIQ is a directory that has it and what it needs, such as sidekiq-7.3.2 and redis-client-0.22.2.
  let(:gems) { ENV["KARAFKA_TEST_SIDEKIQ"].then { |at| at ? Dir[File.join(at, "{sidekiq,redis-client,connection_pool,rack}-*")] : [] } }
  # Outside of the bundle, which has no Sidekiq: as an application that has it in its own.
  let(:env) do
    libraries = [File.expand_path("../../lib", __dir__), *gems.map { |gem| File.join(gem, "lib") }]
    paths = { "RUBYLIB" => libraries.join(":"), "PATH" => "#{dir}:#{ENV.fetch("PATH")}" }
    %w[BUNDLE_GEMFILE RUBYOPT BUNDLER_SETUP BUNDLE_BIN_PATH].to_h { |name| [name, nil] }.merge(paths)
  end

  before do
    { "sidekiq" => "ruby-sidekiq", "redis-server" => "redis-server" }.each do |command, package|
      skip "#{command} is not installed (apt-get install #{package})" unless system("command -v #{command} > /dev/null")
    end
    @pids = []
    broker.create_topic("videos", 1)
    start("redis-server", "--port", port.to_s, "--bind", "127.0.0.1", "--save", "", log: "redis")
    wait_until("Redis") do
      TCPSocket.new("127.0.0.1", port).close || true
    rescue SystemCallError
      false
    end
    File.write(File.join(dir, "karafka.rb"), application)
    other = gems.grep(/sidekiq-/).first or next
    File.write(File.join(dir, "sidekiq"), "#!/bin/sh\nexec #{RbConfig.ruby} #{other}/bin/sidekiq \"$@\"\n", perm: 0o755)
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

  def start(*command, log:)
    out = File.join(dir, log)
    Process.spawn(env, *command, chdir: dir, out: out, err: %i[child out], in: File::NULL).tap { |pid| @pids << pid }
  end

  def output(log) = File.file?(File.join(dir, log)) ? File.read(File.join(dir, log)) : ""

  def karafka(*arguments, log:)
    executable = File.expand_path("../../exe/karafka", __dir__)
    start(RbConfig.ruby, executable, *arguments, log: log)
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
    expect(output("worker")).to match(/karafka-rs: .*Sidekiq \d/m)
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message}\n#{output("server")}\n#{output("worker")}"
  end
end
