# frozen_string_literal: true

module Karafka
  module Routing
    # What becomes of messages that cannot be processed: settings of every layer.
    module FailureSettings
      DELAYED = "delays: [10_000, 60_000]"
      private_constant :DELAYED

      # @param switch [false, nil] false: none here, whatever holds around this place
      # @option options [String, Symbol, false] :topic where to; false: skip
      # @option options [Integer] :max_retries (3) how often to try again before; 0 where there are `retry_topics`
      # @option options [Boolean] :independent (false) count the attempts of each message
      # @option options [Boolean] :transactional (true) send and mark in one transaction, where the topic has `exactly_once`
      # @option options [Symbol] :dispatch_method (:produce_async) or :produce_sync; both wait for the broker
      # @option options [Symbol] :marking_method (:mark_as_consumed) or :mark_as_consumed!
      # @option options [Boolean] :mark_after_dispatch whether it counts as processed; by default not where offsets are
      #   managed by hand
      # @option options [Hash] :stop_after consecutive: or ratio: past which the partition pauses instead
      # @option options [Symbol] :too_large (:wait) or :without_payload: a dead letter that is too large goes without its payload
      # @return [DeadLetterQueue] without arguments: what holds here
      def dead_letter_queue(switch = nil, **options)
        if switch.nil? && options.empty?
          reading!(:dead_letter_queue, "dead_letter_queue topic: \"dead\" (or topic: false to skip without one)")
          return DeadLetterQueue.new(dead_letter_options, manual: setting(:manual_offset_management), moves: retry_topics.any?)
        end

        Setup.invalid!("#{label} dead_letter_queue", switch, "topic: and other options, or false") unless [nil, false].include?(switch)
        checked = DeadLetterQueue.check("#{label} dead_letter_queue", options)
        @own[:dead_letter_queue] = switch == false ? { topic: nil } : (@own[:dead_letter_queue] || {}).merge(checked)
      end

      # @return [Boolean]
      def dead_letter_queue?
        dead_letter_queue.active?
      end

      # Messages that fail move to `<topic>.retry.1`, wait there for the first delay, and so on.
      # @param switch [false, nil] false: none here, whatever holds around this place
      # @param delays [Array<Integer>] milliseconds, at least one
      # @return [Array<Integer>] without an argument: those that hold here
      # @raise [Errors::InvalidConfigurationError]
      def retry_topics(switch = nil, delays: UNSET, **others)
        no_others!(:retry_topics, others.keys, %i[delays])
        return @own[:retry_topics] = [].freeze if switch == false && UNSET.equal?(delays)

        Setup.invalid!("#{label} retry_topics", switch, "given as #{DELAYED}, or false for none") unless switch.nil?
        if UNSET.equal?(delays)
          reading!(:retry_topics, "retry_topics #{DELAYED}")
          return setting(:retry_topics)
        end

        @own[:retry_topics] = Setup::Types::DELAYS.check("#{label} retry_topics delays", delays).dup.freeze
      end

      protected

      def dead_letter_options
        above = parent.is_a?(Layer) ? parent.dead_letter_options : {}
        above.merge(@own[:dead_letter_queue] || {})
      end
    end
  end
end
