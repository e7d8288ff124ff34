# frozen_string_literal: true

module Karafka
  # The filters that an application has written for a topic, for one partition while it is assigned: what they leave of a batch, and
  # what they want to follow.
  class OwnFilters
    # What a filter need not answer.
    DEFAULTS = { applied?: true, action: :skip, timeout: nil, cursor: nil, mark_as_consumed?: false,
                 marking_method: :mark_as_consumed }.freeze
    private_constant :DEFAULTS

    # @param topic [Routing::Topic]
    # @param partition [Integer]
    # @return [OwnFilters, nil] nil: the topic has none
    def self.of(topic, partition)
      filters = topic.filters
      new(topic, filters.map { |filter| filter.for(topic, partition) }) if filters.any?
    end

    # @param topic [Routing::Topic]
    # @param filters [Array<#apply!>]
    def initialize(topic, filters)
      @topic = topic
      @filters = filters
      @applied = []
    end

    # @param batch [Messages::Messages]
    # @return [Messages::Messages] what is left
    # @raise [StandardError] what a filter raises: the batch comes again
    def apply(batch)
      left = batch.to_a
      @filters.each { |filter| filter.apply!(left) }
      @applied = @filters.select { |filter| ask(filter, :applied?) }
      left.size == batch.size ? batch : Messages::Filtered.over(left, batch)
    end

    # Once what is left is processed: where the partition goes on, and when.
    # @param consumer [BaseConsumer]
    # @param lease [Native::Lease]
    # @return [void]
    # @raise [Errors::InvalidConfigurationError] an answer that is none
    def finish(consumer, lease)
      return if @applied.empty?

      mark(consumer)
      wanting = @applied.group_by { |filter| action(filter) }
      pausing = wanting.fetch(:pause, [])
      moving = pausing + wanting.fetch(:seek, [])
      go_on(consumer, lease, moving.map { |filter| cursor(filter) }.min_by(&:offset), pausing) if moving.any?
    end

    private

    # The mark of what came before: a pause or a seek leaves the rest of the batch unmarked.
    def go_on(consumer, lease, cursor, pausing)
      before = lease.offsets.take_while { |offset| offset < cursor.offset }.last
      lease.mark(before) if before && !@topic.manual_offset_management?
      length = pausing.map { |filter| ask(filter, :timeout) || @topic.pause_timeout }.min
      if length&.positive?
        notice("filtering.throttled", consumer, message: cursor, timeout: length)
        consumer.pause(cursor.offset, length)
      else
        notice("filtering.seek", consumer, message: cursor)
        consumer.seek(cursor.offset)
      end
    end

    def mark(consumer)
      @applied.each do |filter|
        next unless ask(filter, :mark_as_consumed?)

        message = filter.respond_to?(:marking_cursor) ? filter.marking_cursor : ask(filter, :cursor)
        consumer.public_send(ask(filter, :marking_method), message) if message
      end
    end

    def action(filter)
      action = ask(filter, :action)
      return action if Consumers::Filter::ACTIONS.include?(action)

      Setup.invalid!("#{filter.class}#action", action, "one of #{Consumers::Filter::ACTIONS.map(&:inspect).join(", ")}")
    end

    def cursor(filter)
      cursor = ask(filter, :cursor)
      return cursor if cursor.respond_to?(:offset)

      Setup.invalid!("#{filter.class}#cursor", cursor, "the message at which the partition goes on, since its action is #{filter.action}")
    end

    def ask(filter, name)
      filter.respond_to?(name) ? filter.public_send(name) : DEFAULTS.fetch(name)
    end

    def notice(event, consumer, **payload)
      Instrumentation::Safely.instrument(event, { caller: consumer, **payload }) if Karafka.monitor.listening?(event)
    end
  end
end
