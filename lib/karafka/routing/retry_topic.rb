# frozen_string_literal: true

module Karafka
  module Routing
    # A stage of `retry_topics`: what failed waits there, then the same consumer gets it. Its settings are those of the
    # topic that it belongs to.
    class RetryTopic < Topic
      # @return [Topic] whose messages these are
      attr_reader :retry_of
      # @return [Integer] 1 for the first
      attr_reader :stage
      # @return [Integer] milliseconds between the failure and the next attempt
      attr_reader :retry_delay

      # @return [true]
      def retry_topic?
        true
      end

      # Draws the stages that are not supported yet.
      # @param topic [Topic]
      # @return [void]
      def self.draw(topic)
        # The contract has something to say about it.
        return if topic.pattern?

        section = topic.parent
        topic.retry_topics.each.with_index(1) do |delay, stage|
          next if section.topics.any? { |known| known.is_a?(RetryTopic) && known.retry_of.equal?(topic) && known.stage == stage }

          topic.consumer_group.place(new(topic, stage, delay), section)
        end
      end

      # @param topic [String]
      # @param stage [Integer]
      # @return [String]
      def self.name_for(topic, stage)
        TopicNames.joined(topic, "retry", stage)
      end

      # @param topic [Topic]
      # @param stage [Integer]
      # @param delay [Integer] milliseconds
      def initialize(topic, stage, delay)
        super(self.class.name_for(topic.name, stage), topic, topic.consumer_group)
        @retry_of = topic
        @stage = stage
        @retry_delay = delay
        # Whatever the topic says: "latest" would miss the first message that fails.
        initial_offset("earliest")
        # They are as old as their last failure.
        delay_by(delay)
        expire_after(nil)
        @own[:retry_topics] = [].freeze
        @own[:declaration] = nil
      end

      # (see Topic#consumer)
      def consumer(klass = UNSET)
        UNSET.equal?(klass) ? retry_of.consumer : super
      end
      alias controller consumer

      # (see Topic#declared_consumer)
      def declared_consumer
        retry_of.declared_consumer
      end

      # (see ProducedTopics#responder)
      def responder(klass = UNSET)
        UNSET.equal?(klass) ? retry_of.responder : super
      end

      # (see ProducedTopics#declared_responder)
      def declared_responder
        retry_of.declared_responder
      end

      # (see JobRole#active_job?)
      def active_job?
        retry_of.active_job?
      end

      # @return [RetryTopic, nil]
      def next_stage
        retry_of.retry_stages[stage]
      end

      # @return [Integer] attempts that a message has behind it when it arrives, at least
      def earlier_attempts
        stage * (dead_letter_queue.max_retries + 1)
      end

      # @return [Boolean] as the topic it belongs to
      def active?
        retry_of.active?
      end

      protected

      # Tries in place are the same in each stage.
      def dead_letter_options
        { max_retries: retry_of.dead_letter_queue.max_retries }.merge(super)
      end
    end
  end
end
