# frozen_string_literal: true

module Karafka
  module Cli
    module Doctor
      # How large a message may be, along its way: producer, topic, dead letter queue, consumer.
      class SizesCheck < Check
        # librdkafka's own.
        PRODUCER_BYTES = 1_000_000
        ANSWER_BYTES = 100_000_000
        # Kafka's own for topics, which is more than that of producers: nobody has chosen that.
        TOPIC_BYTES = 1_048_588
        # What Kafka adds to an answer.
        FRAME_BYTES = 512
        # Of the headers that a dead letter gets.
        HEADER_BYTES = 2_000
        private_constant :PRODUCER_BYTES, :TOPIC_BYTES, :ANSWER_BYTES, :FRAME_BYTES, :HEADER_BYTES

        # @return [void]
        def call
          sent
          moved
          fetched
        end

        private

        # @return [Integer, nil]
        def most(topic) = cluster.topic_settings.dig(topic, "max.message.bytes")&.to_i

        def producer
          given = Setup::AttributesMap.producer(cluster.kafka)[:"message.max.bytes"]
          [(given || PRODUCER_BYTES).to_i, !given.nil?]
        end

        # Where nobody has set how large messages are, only those that this application certainly sends are looked at.
        def sent
          bytes, set = producer
          (set ? cluster.needed : cluster.moved_to).each do |topic|
            limit = most(topic)
            next if limit.nil? || bytes <= limit

            warning("topic #{topic}", "the producer takes messages of #{bytes} bytes (\"message.max.bytes\"), and the topic of #{limit} " \
                                      "(max.message.bytes): those between are refused by the broker",
                    "raise max.message.bytes of the topic, or lower \"message.max.bytes\" of the producer, which then says so at once")
          end
        end

        def moved
          bytes, = producer
          cluster.routes.each do |topic|
            queue = topic.dead_letter_queue
            next if queue.too_large == :without_payload || topic.pattern?

            source = most(topic.subscription_name) or next
            targets = [*topic.retry_stages.map(&:subscription_name), queue.kafka_topic].select { |name| name.is_a?(String) }
            targets.each { |target| moved_to(topic.subscription_name, source, target, bytes) }
          end
        end

        def moved_to(topic, source, target, producer)
          limits = { "max.message.bytes of #{target}" => most(target), "\"message.max.bytes\" of the producer" => producer }
          name, least = limits.compact.min_by(&:last)
          chosen = source > TOPIC_BYTES || least < PRODUCER_BYTES
          return if source + HEADER_BYTES <= least || !chosen

          warning("topic #{topic}", "messages may have #{source} bytes, and #{name} is #{least}: one that fails and is larger cannot be " \
                                    "moved, and its partition waits",
                  "raise that to #{source + HEADER_BYTES} at least (its headers need room), or set " \
                  "`dead_letter_queue too_large: :without_payload`")
        end

        def fetched
          cluster.clients.each do |client, settings|
            answer = (settings["receive.message.max.bytes"] || ANSWER_BYTES).to_i
            client.active_topics.reject(&:pattern?).each do |topic|
              limit = most(topic.subscription_name)
              next if limit.nil? || limit + FRAME_BYTES <= answer

              error("topic #{topic.subscription_name}",
                    "messages may have #{limit} bytes, and \"receive.message.max.bytes\" is #{answer}: no consumer can read a larger one",
                    "raise \"receive.message.max.bytes\" to #{limit + FRAME_BYTES} at least")
            end
          end
        end
      end
    end
  end
end
