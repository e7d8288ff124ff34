# frozen_string_literal: true

module Karafka
  module Routing
    # Whether the settings of a topic go together with `exactly_once`.
    class ExactlyOnceContract
      # What finishes messages of a batch outside of its transaction.
      APART = %i[parallel virtual_partitions].freeze
      private_constant :APART

      # @param topic [Topic]
      def initialize(topic)
        @topic = topic
      end

      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def check!
        isolation = @topic.kafka_settings.transform_keys(&:to_sym)[:"isolation.level"]
        if isolation.to_s == "read_uncommitted"
          refuse("reads uncommitted messages (\"isolation.level\"), so it would process what was aborted. Leave that setting out.")
        end
        refuse("cannot have retry_topics: there, a message may come twice. Use a dead_letter_queue.") if @topic.retry_topics.any?
        apart = APART.find { |name| @topic.explicit?(name) }
        refuse("cannot have #{apart}: a batch is one transaction. Use more partitions.") if apart
      end

      private

      def refuse(text)
        raise Errors::InvalidConfigurationError, "#{@topic.label} with exactly_once #{text}"
      end
    end
  end
end
