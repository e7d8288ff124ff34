# frozen_string_literal: true

module WaterDrop
  class Client
    # What becomes of the engine's events. Runs on the thread of the {EventLoop}.
    module Events
      # Where a batch is too large as a whole.
      SMALLER = " Set \"batch.size\" in config.kafka to no more than max.message.bytes of the topic: batches that it refuses cost time."
      # This many messages are asked for at once.
      MOST_ROWS = 32
      private_constant :SMALLER, :MOST_ROWS

      # @param event [Hash] reports are taken out of it as they are passed on
      # @return [void]
      def handle(event)
        guarded { pass_on(event) }
      end

      # Looked at now and then.
      # @return [void]
      def look
        text = @reports.recovered
        @config.logger.warn("[#{@config.id}] #{text}") if text
      end

      # On a thread of its own: see {StatisticsLoop}.
      # @param json [String] librdkafka's
      # @return [void]
      def statistics(json)
        guarded do
          next unless @monitor.listening?("statistics.emitted")

          require "json"
          statistics = (@changes ||= Karafka::Instrumentation::Changes.new).add_to(JSON.parse(json))
          @monitor.instrument("statistics.emitted", { producer_id: @config.id, statistics: statistics })
        end
      end

      private

      def log(event)
        # What is of ours stands there without a source.
        source = "librdkafka #{event[:target]}: " unless event[:target] == "waterdrop"
        @config.logger.public_send(event[:level], "[#{@config.id}] #{source}#{event[:message]}")
      end

      def pass_on(event)
        return reported(event[:reports]) if event[:reports]

        case event[:type]
        when :error, :back then connection(event)
        when :reload, :reloaded, :connected, :disconnected then life(event)
        when :resent then resent(event)
        when :queue_full then queue_full if @config.instrument_on_wait_queue_full
        when :statistics then begin_statistics
        when :log then log(event)
        when :dropped_events then @config.logger.warn("[#{@config.id}] #{event[:count]} events found no room and were dropped")
        end
      end

      def begin_statistics
        @loop.take_statistics if @monitor.listening?("statistics.emitted")
      end

      # Where a subscriber ends this thread, the next one goes on with the rest.
      def reported(reports)
        bus = Karafka::Instrumentation::Monitor.direct_bus(@monitor)
        guarded { announce_some(reports, bus) } until reports.done?
      end

      # Mostly there is nothing but messages that were delivered, and thousands of them.
      def announce_some(reports, bus)
        values = reports.rows(@watched.empty? ? MOST_ROWS : 1) or return
        rows = Acknowledgement::Rows.new(@config.id, self, values)
        heard = bus || @monitor.listening?(Acknowledgement::Delivered::NAME)
        while (at = reports.next)
          if rows.failed? || (!@watched.empty? && @watched.key?(rows.tag(at)))
            announce(reports.delivery(at), reports.index(at))
          elsif heard
            delivered(bus, rows, at)
          end
        end
      end

      def delivered(bus, rows, at)
        return @monitor.instrument(Acknowledgement::Delivered::NAME, Acknowledgement::Delivered.new(rows, at)) unless bus

        # Asked for each: a subscriber may have unsubscribed itself with the last one.
        subscribers = bus.listeners[Acknowledgement::Delivered::NAME] or return
        Karafka::Instrumentation::Notifications.publish(subscribers, Acknowledgement::Delivered.new(rows, at))
      end

      # It failed, or brokers are reached again.
      # @return [void]
      def connection(event)
        return @reports.back if event[:type] == :back

        report, = @reports.report(event)
        error(report, "librdkafka.error") if report
      end

      def announce(delivery, index)
        label, calls = unwatch(delivery.tag, index)
        report = DeliveryReport.of(delivery, index, label || calls&.first&.last) { kafka }
        acknowledge(report)
      ensure
        call_all(calls, report) if calls
      end

      # Under the lock, or a call that comes in just now would be added to what nobody knows any more.
      # @return [Array(Object, Array)] the label of the message, and who has asked to be called
      def unwatch(tag, index)
        @lock.synchronize do
          entry = @watched[tag] or return
          labels, calls = entry.values_at(:labels, :calls)
          found = [labels&.delete(index), calls&.delete(index)]
          @watched.delete(tag) if [labels, calls].compact.all?(&:empty?)
          found
        end
      end

      # All of them, also where one ends the thread.
      def call_all(calls, report)
        block, = calls.shift
        guarded { block.call(report) } if block
      ensure
        call_all(calls, report) unless calls.empty?
      end

      def acknowledge(report)
        return if Acknowledgement.announce(@config, self, report)

        silent = FailureText.due(@repeats, report.topic, report.error.code) or return
        log_unhandled(Acknowledgement::DISPATCH_ERROR, "#{FailureText.of(report)}#{Karafka::Diagnosis::Repeats.count(silent)}")
      end

      # The client behind this one is replaced, or gone until the next message.
      def life(event)
        payload = event.slice(:attempt, :failed)
        payload[:caller] = owner if %i[reload reloaded].include?(event[:type])
        payload[:error] = kafka_error(event) if event[:type] == :reload
        # 0 where it gave them up by itself, being idle.
        payload[:time] = Karafka::Clock.now_ms - (@disconnecting_since || Karafka::Clock.now_ms) if event[:type] == :disconnected
        @monitor.instrument("producer.#{event[:type]}", { producer_id: @config.id, **payload })
      ensure
        # The next client waits for that, and has the settings as they are now.
        configure_next(event[:attempt]) if event[:type] == :reload
      end

      # Some of a batch are at fault; the others are sent again.
      def resent(event)
        payload = { **event.slice(:topic, :partition, :messages, :refused), error: kafka_error(event) }
        return @monitor.instrument("messages.resent", { producer_id: @config.id, **payload }) if @monitor.listening?("messages.resent")
        return unless @repeats.due([:resent, event[:topic]])

        count = event[:messages]
        again = event[:refused].zero? ? "its #{Karafka::Amount.of(count, "message")}" : Karafka::Amount.of(count, "other message")
        @config.logger.warn("[#{@config.id}] #{event[:topic]}/#{event[:partition]} refused a batch (#{event[:code]}). Sent again: " \
                            "#{again}.#{SMALLER if event[:refused].zero?}")
      end

      # Normal under load, so nothing for the log: only for who listens.
      def queue_full
        return unless @monitor.listening?("error.occurred")

        error = Karafka::Errors::KafkaError.new("librdkafka's queue is full: a produce call waits for room", code: :queue_full,
                                                                                                             retryable: true)
        error(error, "message.produce_queue_full")
      end

      def kafka_error(event)
        Karafka::Errors::KafkaError.new(event[:message], code: event[:code], fatal: event[:fatal], retryable: event[:retryable])
      end

      def error(error, type, **payload)
        Karafka::ErrorCounts.add(type)
        return log_unhandled(type, "#{error.message} (#{error.code})") unless @monitor.listening?("error.occurred")

        @monitor.instrument("error.occurred", { producer_id: @config.id, caller: self, error: error, type: type, **payload })
      end

      # Nobody listens, so the log gets it.
      def log_unhandled(type, text)
        @config.logger.error("[#{@config.id}] #{type}: #{text}")
      end

      # A subscriber that raises must not end the event thread.
      def guarded(&)
        Guard.call(@config, "a subscriber or on_delivery block", &)
      end
    end
    private_constant :Events
  end
end
