# frozen_string_literal: true

module Karafka
  module Failures
    # The topics that messages of failing consumers go to. Asked for before consuming begins, so that a broker which creates
    # topics by itself does so now, and a missing one is found out before the first message needs it.
    module Topics
      # How long the start waits for the answers, seconds. Where they take longer they are only logged.
      WAIT = 2
      private_constant :WAIT

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

          thread = Thread.new { wanted.each { |name| ask(name) } }
          thread.name = "karafka.failure_topics"
          thread.report_on_exception = false
          thread.join(WAIT)
        end

        private

        def ask(name)
          Karafka.producer.partition_count(name)
        rescue StandardError => e
          Karafka.logger.warn(
            "the topic #{name}, where messages go that cannot be processed, cannot be reached (#{e.message}). Until it can, they " \
            "stay in their partition, which waits. If it is not there, create it: kafka-topics --create --topic #{name}"
          )
        end
      end
    end
  end
end
