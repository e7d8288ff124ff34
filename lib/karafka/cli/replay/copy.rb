# frozen_string_literal: true

module Karafka
  module Cli
    module Replay
      # Messages of one topic for another one, as they are: key, payload, headers and time.
      class Copy
        # @return [String]
        attr_reader :topic

        # @param topic [String]
        # @param target [String]
        # @param by_key [Boolean] whether the key says which partition, instead of the one that a message was in
        def initialize(topic, target, by_key:)
          @topic = topic
          @target = target
          @by_key = by_key
        end

        # @return [String]
        def name = "#{@topic}-to-#{@target}"

        # @return [Boolean] whether the range is read once before anything is sent
        def survey? = false

        # @param admin [Admin]
        # @param partitions [Array<Integer>] of the range
        # @return [void]
        # @raise [Errors::CommandError]
        def check!(admin, partitions)
          if @topic == @target
            raise Errors::CommandError, "#{@topic} would get its own messages again, for all groups. For one group: karafka replay " \
                                        "#{@topic} --group GROUP --from PLACE"
          end
          unless admin.topics.names.include?(@target)
            raise Errors::CommandError, "there is no topic #{@target}: create it first, with as many partitions as #{@topic}"
          end

          count = admin.topics.info(@target)[:partition_count]
          return if @by_key || partitions.max.to_i < count

          raise Errors::CommandError, "#{@target} has #{Amount.of(count, "partition")}, but messages of partition #{partitions.max} of " \
                                      "#{@topic} go to the same one: add partitions to #{@target}, or give --by-key"
        end

        # @param message [Messages::Message]
        # @return [Hash{Symbol=>Object}] for a producer
        def call(message)
          { topic: @target, partition: (message.partition unless @by_key), key: message.raw_key,
            headers: Messages::PassedHeaders.of(message, message.raw_headers),
            timestamp: message.timestamp && (message.timestamp.to_r * 1_000).to_i }.compact.merge(payload: message.raw_payload)
        end

        # @param tally [Tally, nil] of a survey
        # @return [String] what is about to happen
        def effect(_tally) = "sends messages of #{@topic} to #{@target}"

        # @param tally [Tally]
        # @param verb [String] "sent" or "would be sent"
        # @return [Array<String>]
        def summary(tally, verb) = ["#{Amount.of(tally.total, "message")} of #{@topic} #{verb} to #{@target}"]

        # @return [Array<String>] to be read before anything is sent
        def notices(_tally) = []

        # @return [Hash{Symbol=>Object}]
        def to_h(_tally) = { target: @target }
      end
    end
  end
end
