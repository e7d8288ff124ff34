# frozen_string_literal: true

module WaterDrop
  class Config
    # Settings of WaterDrop for which there is nothing to set here. They are taken, and the log says that they do nothing.
    module WithoutEffect
      # What answers to any setting, and to the groups within it.
      class Group
        # @param prefix [String]
        # @param reason [String]
        # @param logger [Proc]
        def initialize(prefix, reason, logger)
          @prefix = prefix
          @reason = reason
          @logger = logger
        end

        private

        def method_missing(name, *values)
          return super if name.start_with?("to_") || name.end_with?("?", "!")

          setting = "#{@prefix}.#{name.to_s.delete_suffix("=")}"
          if name.end_with?("=")
            @logger.call.warn("#{setting} (#{values.first.inspect}) has no effect here: #{@reason}")
          else
            group = Group.new(setting, @reason, @logger)
            block_given? ? yield(group) : group
          end
        end

        def respond_to_missing?(name, _include_private = false)
          !name.start_with?("to_") && !name.end_with?("?", "!")
        end
      end
      private_constant :Group

      # name => why there is nothing to set
      SINGLE = {
        wait_backoff_on_queue_full: "a wait for room ends as soon as there is some",
        statistics_decorator: "statistics.emitted gives librdkafka's statistics as they are"
      }.freeze
      POLLING = "nothing polls in Ruby, delivery reports are read by a thread of the engine"
      private_constant :SINGLE, :POLLING

      SINGLE.each do |name, reason|
        define_method(name) { nil }
        define_method(:"#{name}=") { |value| without_effect(name, value.is_a?(Numeric) ? value : value.class, reason) }
      end

      # @yieldparam group [Object] takes WaterDrop's settings of polling (`mode`, `fd.max_time`, …)
      # @return [Object] the same
      def polling
        group = Group.new("polling", POLLING, -> { logger })
        yield group if block_given?
        group
      end

      # @param value [Object]
      # @return [void]
      def polling=(value)
        without_effect(:polling, value.inspect, POLLING)
      end

      private

      def without_effect(name, value, reason)
        logger.warn("#{name} (#{value}) has no effect here: #{reason}")
      end
    end
  end
end
