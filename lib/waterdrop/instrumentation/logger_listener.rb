# frozen_string_literal: true

module WaterDrop
  module Instrumentation
    # Writes to a logger what a producer does.
    #
    # @example
    #   producer.monitor.subscribe(WaterDrop::Instrumentation::LoggerListener.new(Rails.logger, log_messages: false))
    class LoggerListener
      # @param logger [Logger] without one that of Karafka, as in 1.x
      # @param log_messages [Boolean] also write the messages themselves (level debug)
      def initialize(logger = Karafka.logger, log_messages: true)
        @logger = logger
        @log_messages = log_messages
      end

      # @return [Boolean]
      def log_messages?
        @log_messages
      end

      %w[sync async].each do |kind|
        define_method(:"on_message_produced_#{kind}") do |event|
          message = event[:message]
          info(event, "#{kind.capitalize} producing of a message to '#{message[:topic]}' topic", [message])
        end

        define_method(:"on_messages_produced_#{kind}") do |event|
          messages = event[:messages]
          info(event, "#{kind.capitalize} producing of #{amount(messages.size)} to #{topics(messages)}", messages)
        end

        define_method(:"on_buffer_flushed_#{kind}") do |event|
          messages = event[:messages]
          info(event, "#{kind.capitalize} flushing of #{amount(messages.size)} from the buffer", messages)
        end
      end

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_message_buffered(event)
        info(event, "Buffering of a message to '#{event[:message][:topic]}' topic", [event[:message]])
      end

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_messages_buffered(event)
        info(event, "Buffering of #{amount(event[:messages].size)}", event[:messages])
      end

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_buffer_purged(event)
        info(event, "Purging of #{amount(event[:messages].size)} from the buffer")
      end

      {
        producer_connected: "Producer connected", producer_disconnecting: "Giving up the connections",
        producer_disconnected: "Gave up the connections until the next message", transaction_started: "Starting a transaction",
        transaction_committed: "Committing a transaction"
      }.each { |name, text| define_method(:"on_#{name}") { |event| info(event, text) } }

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_transaction_marked_as_consumed(event)
        message = event[:message]
        info(event, "Marking '#{message.topic}' partition #{message.partition} offset #{message.offset} as consumed in a transaction")
      end

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_message_purged(event)
        log(:error, event, "Gave up a message to '#{event[:topic]}' topic: #{event[:error].message}")
      end

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_messages_resent(event)
        place = "#{event[:topic]}/#{event[:partition]}"
        log(:warn, event, "Sending #{amount(event[:messages])} again: #{place} refused their batch (#{event[:error].code})")
      end

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_messages_dropped(event)
        log(:warn, event, "Dropped #{amount(event[:messages].size)} to #{topics(event[:messages])}: the queue is full")
      end

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_producer_closing(event)
        info(event, "Closing producer")
      end

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_producer_closed(event)
        lost = event[:undelivered].to_i
        return info(event, "Closed producer") if lost.zero?

        log(:error, event, "Closed producer, #{Karafka::Amount.past(lost, "message")} not delivered")
      end

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_producer_reload(event)
        log(:warn, event, "Replacing the client after a fatal error (attempt #{event[:attempt]}): #{event[:error].message}")
      end

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_producer_reloaded(event)
        log(:warn, event, "Replaced the client; #{amount(event[:failed])} went with the old one and failed")
      end

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_transaction_aborted(event)
        log(:warn, event, "Aborted a transaction")
      end

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_transaction_finished(event)
        info(event, "Processing of a transaction")
      end

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_oauthbearer_token_refresh(event)
        info(event, "Asking for a token for #{event[:bearer].name}")
      end

      # @param event [Karafka::Instrumentation::Event]
      # @return [void]
      def on_error_occurred(event)
        error = event[:error]
        # on_message_purged has written that.
        return if event[:delivery_report] && Acknowledgement::PURGED.include?(error.code)

        silent = silent(event, error) or return
        severity = error.respond_to?(:fatal?) && error.fatal? ? :fatal : :error
        more = Karafka::Diagnosis::Repeats.count(silent)
        log(severity, event, "Error occurred: #{error.message} (#{error.class}) - #{event[:type]}#{more}")
      end

      private

      def amount(messages) = Karafka::Amount.of(messages, "message")

      # In an outage each message would say the same.
      # @return [Integer, nil]
      def silent(event, error)
        return 0 unless event[:delivery_report]

        FailureText.due(@repeats ||= Karafka::Diagnosis::Repeats.new, [event[:producer_id], event[:topic]], error.code)
      end

      def topics(messages)
        messages.map { |message| "'#{message[:topic]}'" }.uniq.join(", ")
      end

      def info(event, text, messages = nil)
        log(:info, event, text)
        log(:debug, event, messages.inspect) if messages && log_messages?
      end

      def log(level, event, text)
        took = event[:time] ? " took #{event[:time].round(2)} ms" : ""
        @logger.public_send(level, "[#{event[:producer_id]}] #{text}#{took}")
      end
    end

    # The name of {LoggerListener} before WaterDrop 2.3.
    StdoutListener = LoggerListener
  end
end
