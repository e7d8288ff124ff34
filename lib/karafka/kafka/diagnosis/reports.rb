# frozen_string_literal: true

module Karafka
  class Diagnosis
    # What one client reports: explained, and what lasts not each time that librdkafka repeats it.
    class Reports
      # A broker that refuses a client is reached, too, before it says so. Seconds.
      HOLDS = 1
      # Where librdkafka names the topic in the text only.
      TOPIC = /\ASubscribed topic not available: ([^:\s]+):/
      private_constant :HOLDS, :TOPIC

      # @param kafka [Hash{Symbol=>Object}, Setup::KafkaSettings]
      # @param group [String, nil] group.id; nil: a producer
      # @param clock [#call] seconds that only grow
      def initialize(kafka = {}, group: nil, clock: Clock.method(:now))
        @kafka = kafka
        @group = group
        @clock = clock
        @repeats = Repeats.new(clock)
        @failures = 0
        # What is wrong with the connections of this outage, as far as one of them has told.
        @known = nil
      end

      # @param event [Hash{Symbol=>Object}] an engine event of type :error
      # @return [Array(Errors::KafkaError, Symbol), nil] with whom it is about; nil: that was said a short time ago
      def report(event)
        code = event[:code].to_s.delete_prefix("_").to_sym
        topic = event[:topic] || event[:message].to_s[TOPIC, 1]
        found = Diagnosis.of(code, event[:message], kafka: @kafka, group: @group, topic: topic, writes: @group.nil?, known: @known)
        outage(code, found) if found.about == :brokers && !event[:fatal]
        silent = 0
        silent = @repeats.due([code, topic, found.advice]) or return if found.lasting? && !event[:fatal]

        [error(event, code, topic, "#{found.explain(event[:message])}#{Repeats.count(silent)}"), found.about]
      end

      # A broker is reached again. Whether it stays so is seen a little later: see {#recovered}.
      # @return [void]
      def back
        @back_at = @clock.call if @began_at
      end

      # @return [String, nil] once: that an outage is over
      def recovered
        return unless @back_at && @clock.call - @back_at >= HOLDS

        over
      end

      # Something worked that needs brokers: what goes wrong next is news.
      # @return [String, nil] that an outage is over
      def over
        @repeats.clear
        return unless @began_at

        text = "brokers are reached again after #{(@clock.call - @began_at).round(1)} s, in which #{@failures} errors were reported"
        @began_at = @back_at = @known = nil
        @failures = 0
        text
      end

      private

      def outage(code, found)
        @began_at ||= @clock.call
        @known = found.advice if Connections.telling?(code, found.advice)
        @back_at = nil
        @failures += 1
      end

      def error(event, code, topic, text)
        Errors::KafkaError.new(
          text, code: code, fatal: event[:fatal] || false, retryable: event[:retryable] || false, topic: topic,
                partition: event[:partition]
        )
      end
    end
  end
end
