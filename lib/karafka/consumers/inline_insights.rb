# frozen_string_literal: true

module Karafka
  module Consumers
    # Statistics of its partition, inside of the consumer.
    module InlineInsights
      # The last statistics of librdkafka about this partition, such as `insights["consumer_lag"]`. Needs `inline_insights true` in
      # the routes; the first ones come some seconds after the assignment.
      # @return [Hash{String=>Object}] empty while there are none
      # @raise [Errors::InvalidConfigurationError] the topic has no inline_insights
      def insights
        unless topic.inline_insights?
          raise Errors::InvalidConfigurationError,
                "#{self.class} reads insights, but #{topic.name} has no `inline_insights true` in its route"
        end

        Insights.of(topic.subscription_group.consumer_group_id, karafka_assignment.kafka_topic, partition)
      end
      alias inline_insights insights
      alias statistics insights

      # @return [Boolean] whether there are any
      def insights?
        topic.inline_insights? && !insights.empty?
      end
      alias inline_insights? insights?
    end
  end
end
