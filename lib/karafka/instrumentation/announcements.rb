# frozen_string_literal: true

module Karafka
  module Instrumentation
    # Says what became of a message. Nothing leaves in silence: where nobody listens, it goes to the log.
    module Announcements
      # The longest wait that the engine has, 24 days, stands for one without an end.
      WITHOUT_END_MS = (2**31) - 1
      private_constant :WITHOUT_END_MS

      class << self
        # @param event [String]
        # @param payload [Hash{Symbol=>Object}]
        # @return [void]
        def announce(event, payload)
          return Safely.instrument(event, payload) if Karafka.monitor.listening?(event)

          log(event, payload)
        end

        # @param event [String]
        # @param payload [Hash{Symbol=>Object}]
        # @return [LogLine]
        def line(event, payload)
          message = payload[:message]
          place = message ? { topic: message.topic, partition: message.partition, offset: message.offset } : {}
          LogLine.new(text(event, payload), event: event, **place, attempt: payload[:attempt], error: payload[:error]&.class&.name)
        end

        # @param event [String]
        # @param payload [Hash{Symbol=>Object}]
        # @return [String]
        def text(event, payload)
          message = payload[:message]
          case event
          when "dead_letter_queue.dispatched"
            "#{message.topic}/#{message.partition}@#{message.offset} went to #{payload[:topic]} " \
            "#{"without its payload, which is too large, " if payload[:without_payload]}#{after(payload)}"
          when "retry_topics.dispatched"
            "#{message.topic}/#{message.partition}@#{message.offset} waits #{payload[:delay]} ms in #{payload[:topic]} #{after(payload)}"
          when "consumer.consuming.skipped"
            "#{message.topic}/#{message.partition}@#{message.offset} is skipped (#{payload[:reason]}): #{brief(payload[:error])}"
          when "consumer.consuming.postponed"
            "#{place(payload[:caller])} goes on #{wait(payload[:delay])} (attempt #{payload[:attempt]}): #{payload[:reason]}"
          else "#{event}: #{payload[:caller].inspect}"
          end
        end

        private

        def wait(delay_ms)
          delay_ms >= WITHOUT_END_MS ? "when the partition comes to a process again" : "in #{delay_ms} ms"
        end

        # As in the other lines: orders/0.
        def place(consumer)
          "#{consumer.topic.name}/#{consumer.partition}"
        end

        def after(payload)
          "after #{Amount.of(payload[:attempt], "attempt")}: #{brief(payload[:error])}"
        end

        def brief(error)
          "#{error.class}: #{Safely.bounded_message(error, 200)}"
        end

        def log(event, payload)
          Karafka.logger.warn(line(event, payload))
        rescue StandardError => e
          Safely.say("#{event} (and the logger raised #{e.class}: #{e.message})")
        end
      end
    end
  end
end
