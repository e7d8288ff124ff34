# frozen_string_literal: true

module WaterDrop
  class Producer
    # The same producer with other topic settings or another time limit.
    module Variants
      # librdkafka keeps one set of settings for each topic of a client, and the first one stays. So messages with other
      # topic settings go through a client of their own, which is made when the first of them is sent and shared by all
      # variants with the same settings. A variant with another time limit only goes through the producer's client.
      # @param max_wait_timeout [Numeric, nil] ms that its sync methods wait; nil: as the producer
      # @param topic_config [Hash{Symbol, String=>Object}] some of {Variant::SETTINGS}
      # @param default [Boolean] true: nothing is different, and nothing else may be given
      # @return [Variant]
      # @raise [Errors::VariantInvalidError]
      def with(max_wait_timeout: nil, topic_config: {}, default: false, **unknown)
        configured!
        Variant.refuse(unknown) unless unknown.empty?
        Variant.new(self, max_wait_timeout: max_wait_timeout, topic_config: topic_config, default: default)
      end
      alias variant with

      # For middleware and subscribers that run within a call.
      # @return [Variant] whose call runs just now in this fiber; outside of any: one where nothing is different
      def current_variant
        current = Thread.current[:waterdrop_variant]
        current && current.producer.equal?(self) ? current : with(default: true)
      end

      # @api private
      # @param topic_config [Hash{String=>String}] not empty, checked
      # @return [Producer] who sends messages with these settings
      # @raise [Errors::VariantInvalidError] librdkafka refuses a value
      def lane(topic_config)
        @lanes[topic_config] || @lanes_lock.synchronize do
          raise Errors::ProducerClosedError, "producer #{id} is closed" if %i[closing closed].include?(@state)

          # Copied, so that looking needs no lock.
          made = Lane.for(self, topic_config)
          @lanes = @lanes.merge(topic_config => made).freeze
          made
        end
      end

      private

      def own_lanes
        @lanes.each_value.reject { |lane| lane.equal?(self) }
      end

      # @return [Integer] messages that were not delivered
      def close_lanes(deadline_ms)
        @lanes_lock.synchronize { own_lanes }.sum { |lane| lane.close_lane([deadline_ms - Karafka::Clock.now_ms, 0].max) }
      end
    end
  end
end
