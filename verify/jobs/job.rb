# frozen_string_literal: true

require "karafka"
require "karafka/active_job"

ActiveJob::Base.queue_adapter = :karafka
ActiveJob::Base.logger = nil

# Writes down that it ran, and when.
class EvidenceJob < ActiveJob::Base
  queue_as { ENV.fetch("JOBS_TOPIC") }
  karafka_options partitioner: ->(job) { job.arguments[1].to_s }

  # @param id [Integer]
  # @param _key [Integer] jobs of one key run in the order of their ids
  # @param due_at [Float, nil] seconds since 1970
  def perform(id, _key, due_at = nil)
    # The write is in the kernel before the job counts as done, so a SIGKILL cannot take it back.
    EVIDENCE.syswrite("#{id} #{due_at} #{::Process.clock_gettime(::Process::CLOCK_REALTIME)}\n")
  end
end

EVIDENCE = File.open(ENV.fetch("JOBS_EVIDENCE"), "a")

# The application of a member, and of the process that enqueues.
class JobsApp < Karafka::App
  setup do |config|
    config.kafka = { "bootstrap.servers": ENV.fetch("JOBS_BROKERS"), "session.timeout.ms": 6_000, "heartbeat.interval.ms": 500,
                     "auto.commit.interval.ms": 100 }
    config.group_id = ENV.fetch("JOBS_TOPIC")
    config.concurrency = 3
  end

  routes.draw do
    defaults { kafka("group.instance.id": ENV.fetch("JOBS_MEMBER"), inherit: true) } if ENV.key?("JOBS_MEMBER")
    active_job_topic(ENV.fetch("JOBS_TOPIC")) { parallel by: :key, limit: 3 }
    # In a queue of their own, so that it is their wait that is measured.
    active_job_topic("#{ENV.fetch("JOBS_TOPIC")}.later")
    active_job_delays "#{ENV.fetch("JOBS_TOPIC")}.waits"
  end
end
