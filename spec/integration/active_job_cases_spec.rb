# frozen_string_literal: true

require "spec_helper"
require "rbconfig"
require "support/mock_cluster"
require "support/new_rails_app"
require "support/rails_source"
require "tmpdir"

# What Active Job itself tests each of its adapters with. Its source is fetched, ours are only the files that name the adapter.
RSpec.describe "Active Job's own tests", deadline: 300 do
  include MockCluster

  # What a producer gets is performed at once.
  adapter = <<~RUBY
    require "karafka/active_job"

    # Takes messages as a producer does, and performs the jobs in them at once.
    class InlineProducer
      def produce_async(message) = ActiveJob::Base.execute(JSON.parse(message.fetch(:payload)))
      def produce_many_async(messages) = messages.each { |message| produce_async(message) }
      def close(*) = nil
    end

    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:9" }
      config.producer = InlineProducer.new
    end
    Karafka::App.routes.draw { active_job_delays }
    ActiveJob::Base.queue_adapter = :karafka
    # One of the cases names this adapter, whose gem is not installed.
    ActiveJob::QueueAdapters.const_set(:SneakersAdapter, Class.new)
  RUBY

  # A process that performs, beside the one that enqueues.
  manager = <<~RUBY
    require "karafka/active_job"

    module KarafkaJobsManager
      def setup
        ActiveJob::Base.queue_adapter = :karafka
        Karafka::App.setup do |config|
          config.kafka = { "bootstrap.servers": ENV.fetch("KAFKA_BROKERS") }
          config.logger = Logger.new(Rails.root.join("log/karafka.log").to_s)
        end
        Karafka::App.routes.draw do
          active_job_topic(:integration_tests)
          active_job_delays
        end
      end

      # Each test has a job of its own.
      def clear_jobs = nil

      def start_workers
        ready, started = IO.pipe
        @pid = fork do
          ready.close
          stop = Thread::Queue.new
          trap("TERM") { stop << true }
          Karafka::Embedded.start
          started.puts("started")
          stop.pop
          Karafka::Embedded.stop
          exit!
        end
        started.close
        ready.gets == "started\\n" or raise "the process that performs jobs did not start"
      end

      def stop_workers
        Process.kill(:TERM, @pid) && Process.wait(@pid) if @pid
      end
    end
  RUBY

  # Tests of other adapters, and one that knows the names of those in Rails and raises for all else.
  others = %w[async_adapter delayed_job_adapter]
  by_name = "/test_set_test_adapter/"

  before do
    @source = RailsSource.activejob
  rescue StandardError => e
    skip("the source of Rails cannot be fetched: #{e.message}")
  end

  after { close_cluster }

  # @return [Array(Boolean, String)]
  def run(dir, files, env = {}, arguments: [])
    output, status = Open3.capture2e(
      { "AJ_ADAPTER" => "karafka", "BUNDLE_GEMFILE" => nil, **env },
      RbConfig.ruby, "-W0", *[dir, "#{@source}/test", "#{__dir__}/../../lib"].map { |path| "-I#{path}" },
      *files.map { |file| "-r#{file}" }, "-e", "", "--", *arguments, chdir: @source
    )
    [status.success?, output]
  end

  it "of an adapter pass with :karafka" do
    cases = Dir.glob(File.join(@source, "test/cases/*_test.rb")).reject { |file| others.include?(File.basename(file, "_test.rb")) }
    Dir.mktmpdir do |dir|
      FileUtils.mkdir_p(File.join(dir, "adapters"))
      File.write(File.join(dir, "adapters/karafka.rb"), adapter)
      expect(run(dir, cases, arguments: ["--exclude", by_name])).to match([true, /\d{3} runs, .* 0 failures, 0 errors/])
    end
  end

  it "of a queue and the processes on both sides of it pass with :karafka" do
    # They make an application with `rails new`.
    skip NewRailsApp.missing if NewRailsApp.missing
    %w[integration_tests some_other_queue].concat(%w[1s 10s 1m 10m 1h].map { |wait| "active_job_delays_#{wait}" })
                                          .each { |topic| broker.create_topic(topic, 1) }
    place = File.join(@source, "test/support/integration/adapters/karafka.rb")
    File.write(place, manager)
    Dir.mktmpdir do |dir|
      files = Dir.glob(File.join(@source, "test/integration/*_test.rb"))
      # Without a source: bundler takes what is installed.
      gems = %w[railties activerecord activejob actionpack sqlite3 minitest thor zeitwerk]
      File.write(File.join(dir, "Gemfile"), gems.map { |name| "gem \"#{name}\"\n" }.join)
      # What the new application loads, and Debian does not have.
      FileUtils.mkdir_p(File.join(dir, "bootsnap"))
      File.write(File.join(dir, "bootsnap/setup.rb"), "")
      # With the parts of Rails that Debian's packages of Active Job bring.
      File.write(File.join(dir, ".railsrc"), "#{NewRailsApp::FLAGS.join(" ")}\n")
      env = { "AJ_INTEGRATION_TESTS" => "1", "KAFKA_BROKERS" => broker.bootstrap_servers,
              "HOME" => dir, "BUNDLE_GEMFILE" => File.join(dir, "Gemfile") }
      expect(run(dir, files, env)).to match([true, /\d+ runs, [1-9]\d* assertions, 0 failures, 0 errors/])
    end
  ensure
    FileUtils.rm_f(place) if place
  end
end
