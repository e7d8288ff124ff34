# frozen_string_literal: true

module Karafka
  module Failures
    # The topics that messages of failing consumers go to. Looked at before consuming begins, so that a missing one is found out
    # before the first message needs it. None is created: where brokers do that, the first message has it done.
    module Topics
      # How long the start waits for the answers, seconds. Where they take longer they are only logged.
      WAIT = 2
      # How long they are waited for at all, seconds.
      PATIENCE = 60
      private_constant :WAIT, :PATIENCE

      class << self
        # @param topics [Array<Routing::Topic>] that this process consumes
        # @return [Array<String>] where their messages may go, names in Kafka
        def names(topics)
          topics.flat_map { |topic| [topic.dead_letter_queue.kafka_topic, *topic.retry_stages.map(&:subscription_name)] }
                .select { |name| name }.uniq
        end

        # @param topics [Array<Routing::Topic>]
        # @return [void]
        def prepare(topics)
          wanted = names(topics)
          return if wanted.empty?

          thread = Thread.new { look(wanted) }
          thread.name = "karafka.failure_topics"
          thread.report_on_exception = false
          thread.join(WAIT)
        end

        private

        def look(wanted)
          missing, auto_create = answer(wanted)
          # Where there is none, what keeps the producer from its brokers was reported by itself.
          log_missing(missing, auto_create) if missing&.any?
        rescue Errors::BaseError => e
          Karafka.logger.warn("topics for messages that cannot be processed (#{wanted.join(", ")}) were not looked for: #{e.message}")
        end

        # A broker that has just started may list its topics and be slow to tell its settings.
        def answer(wanted)
          deadline = Clock.now + PATIENCE
          found = nil
          loop do
            found = Karafka.producer.missing_topics(wanted) || found
            return found if Clock.now > deadline || (found && found.last != :unanswered)
          end
        end

        def log_missing(missing, auto_create)
          text = "Kafka has no topic #{missing.join(", ")}, where messages go that cannot be processed."
          return Karafka.logger.info("#{text} The broker creates it with the first of them") if auto_create == :on

          unless_created = "Unless your brokers create topics by themselves: " unless auto_create == :off
          create = missing.map { |name| "kafka-topics --create --topic #{name}" }.join("; ")
          Karafka.logger.warn("#{text} #{unless_created}#{create}. Until then such messages stay in their partition, which waits")
        end
      end
    end
  end
end
