# frozen_string_literal: true

module Karafka
  module Routing
    # Whether the settings about failures go together.
    class FailuresContract
      # @param topic [Topic]
      def initialize(topic)
        @topic = topic
        @queue = topic.dead_letter_queue
      end

      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def check!
        target!
        retry_topics!
        return if @topic.on_deserialization_error != :dead_letter || @queue.topic

        refuse("on_deserialization_error :dead_letter needs a topic to go to: dead_letter_queue topic: \"#{suggested}\". To leave such " \
               "messages out, set it to :skip.")
      end

      private

      def target!
        refuse("dead_letter_queue needs topic: a name, or false to skip without one.") if @queue.incomplete?
        refuse("dead_letter_queue topic is the topic itself, so a message would come again forever.") if @queue.topic == @topic.name
        return unless @topic.pattern? && @queue.topic && @topic.matches?(@queue.kafka_topic)

        refuse("dead_letter_queue topic #{@queue.topic} matches the pattern, so a message would come again forever.")
      end

      def retry_topics!
        return if @topic.retry_topics.empty?

        refuse("retry_topics cannot be made for a pattern: draw its topics by name.") if @topic.pattern?
        refuse("retry_topics needs the group to assign the partitions: each process would try every message again.") if @topic.assign
        return if @queue.active?

        refuse("retry_topics needs a place for what fails in the last one, too: dead_letter_queue topic: \"#{suggested}\" " \
               "(or topic: false to skip it then).")
      end

      def suggested
        "#{@topic.pattern? ? "application" : @topic.name}.dead"
      end

      def refuse(text)
        raise Errors::InvalidConfigurationError, "#{@topic.label} #{text}"
      end
    end
  end
end
