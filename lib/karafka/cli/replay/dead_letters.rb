# frozen_string_literal: true

module Karafka
  module Cli
    module Replay
      # Dead letters back to where they were, by their headers ({Failures::Headers}), as new messages: with no attempts, and without the
      # headers about the failure. A header counts how often a letter was sent back, and comes along when it fails again.
      class DeadLetters
        RETURNS = "replay_returns"
        REASONS = {
          no_origin: "have no header source_topic: no consumer of this gem wrote them",
          too_often: "were sent back too often already (--max-returns)",
          no_payload: "were too large: the payload is in the source topic only",
          no_topic: "are of a topic that does not exist any more",
          no_partition: "are of a partition that does not exist any more (--by-key lets the key choose one)"
        }.freeze
        private_constant :REASONS

        # @return [String]
        attr_reader :topic

        # @param topic [String] the dead letter queue
        # @param by_key [Boolean] whether the key says which partition, instead of the one that a message was in
        # @param max_returns [Integer] a letter that was sent back this often stays
        def initialize(topic, by_key:, max_returns:)
          @topic = topic
          @by_key = by_key
          @max_returns = max_returns
          @partitions = {}
          # Which groups the letters come from, by topic.
          @groups = Hash.new { |groups, name| groups[name] = [] }
        end

        # @return [String]
        def name = "dead-letters-of-#{@topic}"

        # @return [Boolean] where letters go is known once they are read
        def survey? = true

        # @param admin [Admin]
        # @return [void]
        def check!(admin, _partitions)
          @admin = admin
          @existing = admin.topics.names
        end

        # @param message [Messages::Message]
        # @return [Hash{Symbol=>Object}, Symbol] for a producer, or why it stays
        def call(message)
          headers = message.raw_headers.transform_values { |value| Array(value).last }
          partition = Integer(headers["source_partition"], 10, exception: false) if headers["source_partition"]
          return :no_origin unless headers["source_topic"] && partition

          topic = Routing::TopicNames.in_kafka(headers["source_topic"])
          reason = obstacle(headers, topic, partition)
          return reason if reason

          @groups[topic] |= [headers["source_consumer_group"]]
          { topic: topic, key: message.raw_key, headers: returned(message, headers[RETURNS].to_i + 1),
            partition: (partition unless @by_key) }.compact.merge(payload: message.raw_payload)
        end

        # @param tally [Tally] of a survey
        # @return [String] what is about to happen
        def effect(tally) = "sends #{tally.total} dead letters back to #{tally.topics.keys.join(", ")}"

        # @param tally [Tally]
        # @param verb [String] "sent" or "would be sent"
        # @return [Array<String>]
        def summary(tally, verb)
          where = tally.topics.map { |topic, count| "#{topic} (#{count})" }.join(", ")
          ["#{tally.total} dead letters of #{@topic} #{verb} back#{" to #{where}" unless where.empty?}",
           *tally.staying.map { |reason, count| "#{count} stay: they #{REASONS.fetch(reason)}" }]
        end

        # @param tally [Tally] of a survey
        # @return [Array<String>] to be read before anything is sent
        def notices(tally)
          others(tally).map { |topic, groups| "#{topic} is also read by #{groups.join(", ")}: they will see these messages, too" }
        end

        # @param tally [Tally]
        # @return [Hash{Symbol=>Object}]
        def to_h(tally) = { topics: tally.topics, staying: tally.staying, other_groups: others(tally) }

        private

        def obstacle(headers, topic, partition)
          return :no_payload if headers.key?(Failures::Headers::PAYLOAD_BYTES)
          return :too_often if headers[RETURNS].to_i >= @max_returns
          return :no_topic unless @existing.include?(topic)

          :no_partition unless @by_key || partition < (@partitions[topic] ||= @admin.topics.info(topic)[:partition_count])
        end

        def returned(message, count)
          kept = message.raw_headers.except(*Failures::Headers::NAMES).merge(RETURNS => count.to_s)
          Messages::PassedHeaders.of(message, kept)
        end

        # @return [Hash{String=>Array<String>}] groups besides those of the letters that read the topics
        def others(tally)
          @others ||= tally.topics.keys.to_h { |topic| [topic, Readers.of(@admin, topic) - @groups[topic]] }
                           .reject { |_, groups| groups.empty? }
        end
      end
    end
  end
end
