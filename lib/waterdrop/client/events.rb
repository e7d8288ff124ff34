# frozen_string_literal: true

module WaterDrop
  class Client
    # What becomes of the engine's events. Runs on the thread of the {EventLoop}.
    module Events
      # What librdkafka repeats several times a second while no broker answers, what a purge says of each message, and
      # seconds between two such lines in the log.
      REPEATED = %i[all_brokers_down transport resolve purge_queue purge_inflight].freeze
      REPEATED_PAUSE = 10
      private_constant :REPEATED, :REPEATED_PAUSE

      # @param event [Hash] reports are taken out of it as they are passed on
      # @return [void]
      def handle(event)
        guarded { pass_on(event) }
      end

      private

      def pass_on(event)
        case event[:type]
        when :reports then reported(event[:reports])
        when :error then error(kafka_error(event), "librdkafka.error")
        when :reload, :reloaded, :disconnected then life(event)
        when :queue_full then queue_full if @config.instrument_on_wait_queue_full
        when :statistics then statistics(event[:json])
        when :log then @config.logger.public_send(event[:level], "[#{@config.id}] librdkafka #{event[:target]}: #{event[:message]}")
        when :dropped_events then @config.logger.warn("[#{@config.id}] #{event[:count]} events found no room and were dropped")
        end
      end

      # Taken out one by one: where a subscriber ends this thread, the next one goes on with the rest.
      def reported(rows)
        until rows.empty?
          delivery, indexes = rows.first
          tag = delivery.tag
          entry = @watched[tag]
          until indexes.empty?
            index = indexes.shift
            guarded { announce(delivery, index, entry) }
          end
          # Under the lock, or a call that comes in just now would be added to what nobody knows any more.
          entry && @lock.synchronize { @watched.delete(tag) if entry[:labels] ? delivery.done? : (entry[:calls] || {}).empty? }
          rows.shift
        end
      end

      def announce(delivery, index, entry)
        calls = @lock.synchronize { entry[:calls]&.delete(index) } if entry
        report = DeliveryReport.of(delivery, index, entry&.dig(:labels, index) || calls&.first&.last)
        acknowledge(report)
      ensure
        call_all(calls, report) if calls
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

        unheard(report.error, "librdkafka.dispatch_error", FailureText.of(report))
      end

      # The client behind this one is replaced, or gone until the next message.
      def life(event)
        payload = event.slice(:attempt, :failed)
        payload[:error] = kafka_error(event) if event[:type] == :reload
        @monitor.instrument("producer.#{event[:type]}", { producer_id: @config.id, **payload })
      end

      # Normal under load, so nothing for the log: only for who listens.
      def queue_full
        return unless @monitor.listening?("error.occurred")

        error = Karafka::Errors::KafkaError.new("librdkafka's queue is full: a produce call waits for room", code: :queue_full,
                                                                                                             retryable: true)
        error(error, "message.produce_queue_full")
      end

      def statistics(json)
        return unless @monitor.listening?("statistics.emitted")

        require "json"
        statistics = (@changes ||= Karafka::Instrumentation::Changes.new).add_to(JSON.parse(json))
        @monitor.instrument("statistics.emitted", { producer_id: @config.id, statistics: statistics })
      end

      def kafka_error(event)
        Karafka::Errors::KafkaError.new(event[:message], code: event[:code], fatal: event[:fatal], retryable: event[:retryable])
      end

      def error(error, type, **payload)
        return unheard(error, type) unless @monitor.listening?("error.occurred")

        @monitor.instrument("error.occurred", { producer_id: @config.id, caller: self, error: error, type: type, **payload })
      end

      # Nobody listens, so the log is told.
      def unheard(error, type, text = error.message)
        return if repeated?(error)

        @config.logger.error("[#{@config.id}] #{type}: #{text} (#{error.respond_to?(:code) ? error.code : error.class})")
      end

      def repeated?(error)
        code = error.code if error.respond_to?(:code)
        return false unless REPEATED.include?(code) && !error.fatal?
        return true if @said[code] && Karafka::Clock.now - @said[code] < REPEATED_PAUSE

        @said[code] = Karafka::Clock.now
        false
      end

      # A subscriber that raises must not end the event thread.
      def guarded(&)
        Guard.call(@config, "a subscriber or on_delivery block", &)
      end
    end
    private_constant :Events
  end
end
