# frozen_string_literal: true

# A member of the group whose messages fail now and then.
class FailingConsumer < Karafka::BaseConsumer
  def consume
    messages.each do |message|
      raise "bad" if (message.payload % Integer(ENV.fetch("FAILURES_EVERY"))).zero?

      # As slow as work is, so that kills come in the middle of it.
      sleep(0.002)
      # The write is in the kernel before the mark, so a SIGKILL cannot take it back.
      EVIDENCE.syswrite("#{message.payload}\n")
      mark_as_consumed(message)
    end
  end
end

EVIDENCE = File.open(ENV.fetch("FAILURES_EVIDENCE"), "a")

# The application of a member.
class FailuresApp < Karafka::App
  setup do |config|
    config.kafka = { "bootstrap.servers": ENV.fetch("FAILURES_BROKERS"), "session.timeout.ms": 6_000, "heartbeat.interval.ms": 500,
                     "auto.commit.interval.ms": 100, "group.instance.id": ENV.fetch("FAILURES_MEMBER") }
    config.group_id = ENV.fetch("FAILURES_GROUP")
    config.concurrency = 3
    config.pause.timeout = 10
    config.pause.max_timeout = 10
    # An id in each process, as an application would have.
    if ENV["FAILURES_TRANSACTIONAL"] == "producer"
      config.producer { |made| made.kafka[:"transactional.id"] = ENV.values_at("FAILURES_GROUP", "FAILURES_MEMBER").join(".") }
    end
  end

  routes.draw do
    topic(ENV.fetch("FAILURES_IN")) do
      consumer FailingConsumer
      dead_letter_queue topic: ENV.fetch("FAILURES_DEAD"), max_retries: 0
      retry_topics delays: [50, 100] if ENV["FAILURES_RETRIES"]
      exactly_once true if ENV["FAILURES_TRANSACTIONAL"] == "topic"
    end
  end
end
