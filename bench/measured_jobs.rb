# frozen_string_literal: true

# The processes of bench/jobs_a_second: what enqueues, and what `karafka server` and `sidekiq` load. Its options come as JSON in
# BENCH_JOBS; the result is a file, once the last job is done.

require "json"
require "logger"

OPTIONS = JSON.parse(ENV.fetch("BENCH_JOBS"), symbolize_names: true)
KIND = OPTIONS.fetch(:kind)

# From the first job to the last.
module Tally
  LOCK = Mutex.new

  module_function

  def job
    LOCK.synchronize do
      @started ||= now
      @done = @done.to_i + 1
      finish(*now) if @done == OPTIONS.fetch(:count)
    end
  end

  def measure
    @started = now
    yield
    finish(*now)
  end

  def finish(clock, cpu)
    rate = OPTIONS.fetch(:count) / (clock - @started[0])
    cpu_us = (cpu - @started[1]) / OPTIONS.fetch(:count) * 1e6
    File.write(OPTIONS.fetch(:result), JSON.generate(per_second: rate, cpu_us: cpu_us))
    Process.kill(:TERM, Process.pid) unless ENV["enqueue"]
  end

  def now = [Process::CLOCK_MONOTONIC, Process::CLOCK_PROCESS_CPUTIME_ID].map { |clock| Process.clock_gettime(clock) }
end

if KIND.start_with?("karafka")
  $LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
  require "karafka"
  require "karafka/active_job"
else
  require "sidekiq"
  redis = { url: "redis://127.0.0.1:#{OPTIONS.fetch(:redis)}" }
  Sidekiq.configure_client { |config| config.redis = redis }
  Sidekiq.configure_server do |config|
    config.redis = redis
    config.logger.level = Logger::WARN
  end
  require "active_job"
end
ActiveJob::Base.logger = Logger.new(nil)

# What Active Job performs.
class EmptyJob < ActiveJob::Base
  self.queue_adapter = KIND[/\w+/].to_sym
  queue_as OPTIONS.fetch(:topic)

  def perform(*) = Tally.job
end

if KIND.start_with?("karafka")
  Karafka::App.setup do |config|
    config.kafka = { "bootstrap.servers": OPTIONS.fetch(:brokers) }
    config.group_id = OPTIONS.fetch(:topic)
    config.concurrency = OPTIONS.fetch(:threads)
    config.logger = Logger.new($stderr, level: Logger::WARN)
  end
  Karafka::App.routes.draw do
    active_job_topic(OPTIONS.fetch(:topic)) { max_messages(100) if KIND.include?("batches") }
  end
else
  # Sidekiq's own kind of job, without Active Job.
  class OwnJob
    include Sidekiq::Job
    sidekiq_options queue: "bench"

    def perform(*) = Tally.job
  end
end

if ENV["enqueue"]
  Tally.measure do
    OPTIONS.fetch(:count).times do |index|
      KIND.include?("own") ? OwnJob.perform_async(index, "text") : EmptyJob.perform_later(index, "text")
    end
    Karafka.producer.close if KIND.start_with?("karafka")
  end
end
