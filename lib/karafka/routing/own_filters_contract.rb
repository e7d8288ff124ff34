# frozen_string_literal: true

module Karafka
  module Routing
    # Whether `filter` and `periodic` of a topic go together with its other settings.
    class OwnFiltersContract
      # @param topic [Topic]
      def initialize(topic)
        @topic = topic
      end

      # @param consumer [Boolean] whether its class has to exist by now
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def check!(consumer:)
        filters! if @topic.filters.any?
        ticks!(consumer) if @topic.periodic
      end

      private

      # A filter sees a batch as a whole, and says where the partition goes on.
      def filters!
        apart = "parallel" if @topic.parallel
        apart ||= "exactly_once" if @topic.exactly_once
        refuse("`filter` and `#{apart}`: a filter decides about a batch as a whole. Leave messages out by `only`, or in `consume`") if apart
      end

      # Both are called when nothing comes, by one timer.
      def ticks!(consumer)
        refuse("`periodic` and `parallel`: several consumers share its partitions") if @topic.parallel
        return unless consumer && @topic.consumer.instance_method(:idle).owner != BaseConsumer

        refuse("`periodic` and a consumer with `idle`, #{@topic.consumer}: do in `tick` what `idle` does")
      end

      def refuse(both)
        raise Errors::InvalidConfigurationError, "#{@topic.label} cannot have both #{both}."
      end
    end
  end
end
