# frozen_string_literal: true

require "spec_helper"
require "rbconfig"
require "support/rails_source"
require "tmpdir"

# What Active Job itself tests each of its adapters with.
RSpec.describe "Active Job's own test cases", deadline: 300 do
  adapter = <<~RUBY
    require "karafka/active_job"

    # Takes messages as a producer does, and performs the jobs in them at once.
    class InlineProducer
      def produce_async(message) = ActiveJob::Base.execute(JSON.parse(message.fetch(:payload)))
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

  it "pass with the adapter :karafka" do
    begin
      source = RailsSource.activejob
    rescue StandardError => e
      skip("the source of Rails cannot be fetched: #{e.message}")
    end
    Dir.mktmpdir do |dir|
      FileUtils.mkdir_p(File.join(dir, "adapters"))
      File.write(File.join(dir, "adapters/karafka.rb"), adapter)
      cases = Dir.glob(File.join(source, "test/cases/*_test.rb")).map { |file| "-r#{file}" }
      output, status = Open3.capture2e(
        { "AJ_ADAPTER" => "karafka", "BUNDLE_GEMFILE" => nil },
        RbConfig.ruby, "-W0", *[dir, "#{source}/test", "#{__dir__}/../../lib"].map { |path| "-I#{path}" }, *cases, "-e", "", chdir: source
      )
      expect([status.success?, output]).to match([true, /\d{3} runs, .* 0 failures, 0 errors/])
    end
  end
end
