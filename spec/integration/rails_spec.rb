# frozen_string_literal: true

require "open3"
require "spec_helper"
require "support/mock_cluster"
require "support/optional_gems"
require "waterdrop"

# A real Rails application, as small as one can be, with a producer.
RSpec.describe "producing in Rails", skip: OptionalGems.missing("rails") do
  include MockCluster

  before do
    broker.create_topic("orders", 1)
    application
  end

  after do
    close_cluster
    FileUtils.rm_rf(dir)
  end

  let(:dir) { Dir.mktmpdir("karafka-rails") }

  def write(name, text)
    file = File.join(dir, name)
    FileUtils.mkdir_p(File.dirname(file))
    File.write(file, text)
  end

  # A linger that is longer than any process here lives: nothing is sent before somebody flushes.
  def application
    write("config/boot.rb", "")
    write("config/environments/development.rb", "")
    write("config/environment.rb", "require_relative 'application'\nRails.application.initialize!\n")
    write("bin/rails", "APP_PATH = File.expand_path('../config/application', __dir__)\nrequire 'rails/commands'\n")
    write("Rakefile", <<~RUBY)
      require_relative "config/application"
      Rails.application.load_tasks
      task(threads: :environment) { puts THREADS.call }
    RUBY
    write("config/application.rb", <<~RUBY)
      $LOAD_PATH.unshift(#{File.expand_path("../../lib", __dir__).inspect})
      require "rails"
      require "karafka"
      class Shop < Rails::Application
        config.root = #{dir.inspect}
        config.eager_load = false
        config.cache_classes = false
        config.logger = Logger.new(File::NULL)
        config.secret_key_base = "x"
      end
      kafka = { "bootstrap.servers": "#{broker.bootstrap_servers}", "linger.ms": 60_000, log_level: 0 }
      Karafka::App.setup { |config| config.kafka = kafka }
      PRODUCER = Karafka.producer
      PRODUCER.monitor.subscribe(WaterDrop::Instrumentation::LoggerListener.new(Logger.new(nil)))
      require #{OsThreads::FILE.inspect}
      THREADS = -> { "threads: \#{OsThreads.ours.inspect}" }
    RUBY
  end

  def run(*command, input: "")
    # Whatever the shell of this run is set to.
    neutral = %w[RAILS_ENV RACK_ENV DISABLE_SPRING BUNDLE_GEMFILE RUBYOPT].to_h { |name| [name, nil] }
    output, status = Open3.capture2e({ **neutral, "SPRING_TMP_PATH" => dir, "HOME" => dir }, *command, chdir: dir, stdin_data: input)
    expect(status).to be_success, output
    output
  end

  it "starts no thread in rake, a runner and a console before the first message, and loses none then" do
    rails = [RbConfig.ruby, "bin/rails"]
    expect(run("rake", "threads")).to include("threads: []")
    sending = "PRODUCER.produce_async(topic: 'orders', payload: nil); puts THREADS.call"
    expect(run(*rails, "runner", "puts THREADS.call; #{sending}")).to match(/threads: \[\]\nthreads: \[".+"\]/)
    console = run(*rails, "console", input: "puts THREADS.call\n#{sending}\nexit\n")
    expect(console).to match(/threads: \[\].*threads: \[".+"\]/m)
    expect(sent_to("orders")).to eq(2)
  end

  it "loses nothing in Spring, which forks the application for each command" do
    skip "Spring is not installed (apt-get install ruby-spring)" unless system("command -v spring > /dev/null")
    spring, rails = %w[spring railties].map { |name| Gem::Specification.find_by_name(name).version }
    # Debian 13 has these together: Spring asks Rails for `mechanism=`, which Rails 7 does not have.
    skip "Spring #{spring} does not work with Rails #{rails}" if spring < Gem::Version.new("3") && rails >= Gem::Version.new("7")
    write("Gemfile", %w[railties spring].map { |name| "gem \"#{name}\"\n" }.join)
    # Its own limits are a second or two.
    write("config/spring_client.rb", <<~RUBY)
      limits = { CONNECT_TIMEOUT: Spring::Client::Run, BOOT_TIMEOUT: Spring::Client::Run, STOP_TIMEOUT: Spring }
      limits.each { |name, place| place.send(:remove_const, name) && place.const_set(name, #{Wait::LONG}) }
    RUBY
    # Sent where Spring loads the application, before it forks.
    write("config/initializers/first.rb", "PRODUCER.produce_async(topic: 'orders', payload: 'boot')\n")
    run("bundle", "install", "--local", "--quiet")
    begin
      command = "PRODUCER.produce_async(topic: 'orders', payload: 'command'); puts \"pid \#{Process.pid}\""
      pids = Array.new(3) { run("spring", "rails", "runner", command)[/pid (\d+)/, 1] }
      expect(pids.compact.uniq.size).to eq(3)
    ensure
      system({ "SPRING_TMP_PATH" => dir }, "spring", "stop", chdir: dir, out: File::NULL)
    end
    # Each look sends a message, too.
    looks = 0
    wait_until("the application of Spring to end") { sent_to("orders") - (looks += 1) == 3 }
  end
end
