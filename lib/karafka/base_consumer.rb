# frozen_string_literal: true

require "securerandom"

module Karafka
  # What consumers inherit from. One instance serves one partition while it is assigned, so instance variables keep
  # what they hold from batch to batch (except with `consumer_persistence false`: a new one for each batch).
  #
  # @example
  #   class OrdersConsumer < Karafka::BaseConsumer
  #     def consume
  #       messages.each { |message| Order.create!(message.payload) }
  #     end
  #   end
  class BaseConsumer
    include Compat::ConsumerNames
    include Consumers::PartitionEnd
    include Consumers::InlineInsights
    include Consumers::Producing
    include Consumers::Piping
    include Consumers::DeadLettering
    include Consumers::Responding
    include Consumers::Offsets
    include Consumers::Transactions

    # @return [Messages::Messages, nil] the batch that is processed
    attr_accessor :messages

    # @api private
    # @return [Array(Symbol, Class)] the method that an application defines, and the class that has it undone
    def self.karafka_entry_point
      [:consume, BaseConsumer]
    end

    # @!attribute [w] params
    #   @api private
    attr_writer :params

    # The message that is processed where `batch_consuming` is off (Karafka 1.x, where that was the default).
    # @return [Messages::Message]
    # @raise [Errors::InvalidConfigurationError] the topic gives batches: reading one message of each would lose the others
    def params
      @params || raise(
        Errors::InvalidConfigurationError,
        "#{self.class} reads `params`, one message, but its topic gives batches. Set `batch_consuming false` for it, or read " \
        "`messages` (`params_batch`)."
      )
    end

    # @return [Routing::Topic] the route: its `name`, its settings
    def topic
      @karafka_assignment || !@karafka_route ? karafka_assignment.topic : @karafka_route
    end

    # @return [Integer]
    def partition
      karafka_assignment.partition
    end

    # @return [String] unique for each instance
    def id
      @karafka_id ||= SecureRandom.hex(6) # rubocop:disable Naming/MemoizedInstanceVariableName -- @id may be the consumer's own
    end

    # @return [Process::Tags] labels of this consumer
    def tags
      @karafka_tags ||= Process::Tags.new # rubocop:disable Naming/MemoizedInstanceVariableName
    end

    # @!group What you define

    # Processes {#messages}. When it returns, the batch counts as processed (unless `manual_offset_management`); when it
    # raises anything, the batch is delivered again from its first unmarked message, after a back-off.
    # @return [void]
    def consume
      raise NotImplementedError, "#{self.class} needs a method consume, which processes messages"
    end

    # Called once, before the first batch.
    # @return [void]
    def initialized; end

    # Called when the end of the partition is reached (with `eofed true` in the routes).
    # @return [void]
    def eofed; end

    # Called once when nothing has come for `idle_after` ms after a batch, so that what is buffered can be processed and
    # marked. When it raises, it is called again after that time.
    # @return [void]
    def idle; end

    # Called whenever nothing has come for the interval of `periodic` in the routes, again and again, from the first batch on.
    # @return [void]
    def tick; end

    # Called after the partition was taken away. Marking returns false from then on.
    # @return [void]
    def revoked; end

    # Called when the process stops. What was buffered can still be processed and marked.
    # @return [void]
    def shutdown; end

    # Goes around each of the methods above but {#initialized}. It must call the block. An exception passes through it,
    # so a database transaction rolls back; the batch counts as failed even when it is swallowed here.
    # @param _action [Symbol] :consume, :eofed, :idle, :tick, :revoked or :shutdown
    # @return [void]
    def wrap(_action)
      yield
    end

    # Called with a message that is about to go to the dead letter queue; what is changed in it is sent.
    # @param _dead [Hash{Symbol=>Object}] topic, key, payload, partition_key, headers
    # @param _message [Messages::Message] the one that failed
    # @return [void]
    def enhance_dlq_message(_dead, _message); end

    # @!endgroup

    # @return [Integer] 1 on the first delivery of a batch. In a retry topic it goes on counting.
    def attempt
      karafka_lease.attempt + topic.earlier_attempts
    end

    # @return [Boolean] whether this batch, or a part of it, was tried before
    def retrying?
      attempt > 1
    end

    # @return [Boolean] whether the partition belongs to another process by now
    def revoked?
      karafka_lease.revoked?
    end

    # @return [Boolean] whether `consume` was called, or is about to be
    def used?
      @karafka_used || false
    end

    # Errors of `consume` since the partition last got on: `last`, `size`, `counts`, `each`.
    # @return [Failures::ErrorsTracker]
    def errors_tracker
      karafka_assignment.share.errors
    end

    # Runs the block while no other consumer of this partition is in such a block (with `parallel` there are several).
    # @return [Object] what the block returns
    def synchronize(&)
      karafka_assignment.share.lock.synchronize(&)
    end

    # @yieldparam message [Messages::Message] each of {BaseConsumer#messages}
    # @return [Enumerator, Messages::Messages]
    def each(...)
      messages.each(...)
    end

    # @return [String]
    def inspect
      place = @karafka_assignment && " #{topic.name}/#{partition}"
      "#<#{self.class}#{place}>"
    end

    # @api private
    # @raise [Errors::UnassignedConsumerError]
    def karafka_assignment
      @karafka_assignment || raise(Errors::UnassignedConsumerError.for(self, caller_locations(1, 8)))
    end

    # @api private
    # @raise [Errors::UnassignedConsumerError]
    def karafka_lease
      @karafka_lease || raise(Errors::UnassignedConsumerError.for(self, caller_locations(1, 8)))
    end

    # @api private
    def karafka_assign(assignment)
      @karafka_assignment = assignment
    end

    # @api private
    def karafka_lease=(lease)
      @karafka_lease = lease
      @params = nil
      @karafka_used = true if lease.kind == :consume
      karafka_look_for_end(lease)
    end

    # What the worker calls; modules with callbacks go around these.
    # @api private
    def on_consume = consume
    # @api private
    def on_eofed = eofed
    # @api private
    def on_idle = idle
    # @api private
    def on_tick = tick
    # @api private
    def on_revoked = revoked
    # @api private
    def on_shutdown = shutdown
  end
end
