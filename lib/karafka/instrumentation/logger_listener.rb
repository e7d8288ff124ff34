# frozen_string_literal: true

module Karafka
  module Instrumentation
    # Writes to `Karafka.logger` what happens. Subclass it to change a line.
    class LoggerListener
      # Events that are one plain line each.
      LINES = {
        app_initializing: [:info, "Initializing"],
        app_initialized: [:info, "Initialized"],
        app_quieting: [:info, "Switching to quiet mode, which only a stop ends: no new batches will be processed"],
        app_quiet: [:info, "Reached quiet mode: still in the groups, nothing is being processed"],
        app_stopping: [:info, "Stopping"],
        app_stopped: [:info, "Stopped"]
      }.freeze
      private_constant :LINES

      LINES.each do |event, (level, text)|
        define_method(:"on_#{event}") do |_event|
          summaries.rest.each { |line| info(line) }
          send(level, "#{text} Karafka (#{::Process.pid})")
        end
      end

      # These come with each batch; the others are rare.
      FREQUENT = %i[consume eofed idle keys].freeze
      private_constant :FREQUENT

      # @param log_polling [Boolean] also log batches that arrive
      # @param summary_every [Integer, false] ms: further batches of a topic within that time are one line together; false: each
      #   batch has its lines
      # @raise [ArgumentError] summary_every is something else
      def initialize(log_polling: true, summary_every: 10_000)
        unless summary_every == false || (summary_every.is_a?(Integer) && summary_every.positive?)
          raise ArgumentError, "summary_every is #{summary_every.inspect}, but must be an Integer of at least 1, in milliseconds, or false"
        end

        @log_polling = log_polling
        @summaries = BatchSummaries.new(summary_every)
      end

      # @return [Boolean] whether batches that arrive are logged
      def log_polling?
        @log_polling
      end

      # @param _event [Event]
      # @return [void]
      def on_app_running(_event)
        info "Running Karafka #{VERSION} (#{::Process.pid})"
      end

      # @param _event [Event]
      # @return [void]
      def on_app_terminated(_event)
        debug "Terminated Karafka (#{::Process.pid})"
      end

      # @param event [Event]
      # @return [void]
      def on_process_notice_signal(event)
        info "Received #{event[:signal]}"
      end

      # @param event [Event]
      # @return [void]
      def on_connection_listener_fetch_loop_received(event)
        # Without a batch it is the sign of life that comes each second.
        summarise
        buffer = event[:messages_buffer]
        return if !log_polling? || buffer.empty?

        group = event[:subscription_group].id
        level = summaries.received(group, buffer.topic, buffer.partition, buffer.size) ? :info : :debug
        return unless wanted?(level)

        batch = buffer.metadata
        send(level, "[#{group}] Got #{batch.size} message#{"s" unless batch.size == 1} of #{batch.topic}/#{batch.partition}, " \
                    "offsets #{batch.first_offset} to #{batch.last_offset}",
             group: group, topic: batch.topic, partition: batch.partition, messages: batch.size,
             first_offset: batch.first_offset, last_offset: batch.last_offset)
      end

      # @param event [Event]
      # @return [void]
      def on_worker_process(event)
        return unless wanted?(:debug)

        job = event[:job]
        debug "[#{job.id}] #{job.name} started"
      end

      # @param event [Event]
      # @return [void]
      def on_worker_processed(event)
        job = event[:job]
        return debug("[#{job.id}] #{job.name}: nothing to do") if nothing_to_do?(job)

        level = own_line?(job, event[:time]) ? :info : :debug
        return unless wanted?(level)

        send(level, "[#{job.id}] #{job.name} #{job.failed ? "failed after" : "finished in"} #{event[:time].round(2)} ms",
             job: job.id, kind: job.kind.to_s, topic: job.topic, partition: job.partition, failed: job.failed ? true : false,
             duration_ms: event[:time])
      end

      # @param event [Event]
      # @return [void]
      def on_consumer_consuming_retry(event)
        consumer = event[:caller]
        warn "#{where(consumer)} Retrying #{consumer.class} from #{place(event[:offset])} in #{event[:delay]} ms " \
             "(attempt #{event[:attempt]} failed)",
             **about(consumer), offset: event[:offset], attempt: event[:attempt], delay_ms: event[:delay]
      end

      {
        consumer_consuming_postponed: "consumer.consuming.postponed", consumer_consuming_skipped: "consumer.consuming.skipped",
        dead_letter_queue_dispatched: "dead_letter_queue.dispatched", retry_topics_dispatched: "retry_topics.dispatched"
      }.each do |handler, name|
        define_method(:"on_#{handler}") { |event| warn(Announcements.line(name, event.payload)) }
      end

      # @param event [Event]
      # @return [void]
      def on_consumer_consuming_pause(event)
        # That of a retry is in the line of the retry.
        return unless event[:manual]

        length = event[:timeout] == -1 ? "until it is resumed" : "for #{event[:timeout]} ms"
        info "#{where(event[:caller])} Pausing #{length}#{" at offset #{event[:offset]}" if event[:offset]}",
             **about(event[:caller]), offset: event[:offset], timeout_ms: event[:timeout]
      end

      # @param event [Event]
      # @return [void]
      def on_client_resume(event)
        # After a retry's pause comes the line of the batch.
        send(event[:manual] ? :info : :debug, "#{where(event[:caller])} Resuming", **about(event[:caller]))
      end

      # @param event [Event]
      # @return [void]
      def on_consumer_consuming_seek(event)
        info "#{where(event[:caller])} Seeking to #{event[:message].offset}", **about(event[:caller]), offset: event[:message].offset
      end

      # @param event [Event]
      # @return [void]
      def on_rebalance_partitions_assigned(event)
        info "[#{event[:subscription_group_id]}] Group #{event[:consumer_group_id]}: assigned #{partitions(event, "nothing new")}",
             group: event[:consumer_group_id], assigned: partitions(event)
      end

      # @param event [Event]
      # @return [void]
      def on_rebalance_partitions_revoked(event)
        verb = event[:lost] ? "lost" : "revoked"
        info "[#{event[:subscription_group_id]}] Group #{event[:consumer_group_id]}: #{verb} #{partitions(event, "nothing")}",
             group: event[:consumer_group_id], verb.to_sym => partitions(event)
      end

      # @param event [Event]
      # @return [void]
      def on_filtering_skipped(event)
        # What a filter leaves out is wanted so; what expires may be a surprise.
        send(event[:expired].positive? ? :info : :debug,
             "[#{event[:topic]}/#{event[:partition]}] Skipped #{event[:filtered]} filtered and #{event[:expired]} expired messages")
      end

      # @param event [Event]
      # @return [void]
      def on_error_occurred(event)
        error = event[:error]
        caller = event[:caller]
        send(severity(error), ["#{describe(event)}: #{error.class}: #{Safely.message_of(error)}", *Backtrace.of(error)].join("\n"),
             type: event[:type], error: error.class.name, **(caller.is_a?(BaseConsumer) ? about(caller) : {}))
      end

      private

      %i[debug info warn error fatal].each do |level|
        define_method(level) do |text, **fields|
          Karafka.logger.public_send(level, fields.empty? ? text : LogLine.new(text, **fields))
        end
      end

      # Lines that come with each batch are not made for nothing.
      def wanted?(level)
        logger = Karafka.logger
        level != :debug || !logger.respond_to?(:debug?) || logger.debug?
      end

      # A subclass may have an `initialize` of its own.
      def summaries
        @summaries ||= BatchSummaries.new(10_000)
      end

      def summarise
        summaries.due.each { |line| info(line) }
      end

      def own_line?(job, time)
        return true unless FREQUENT.include?(job.kind)

        summaries.processed(job.assignment.topic.subscription_group.id, job, time)
      end

      def about(consumer)
        { topic: consumer.topic.name, partition: consumer.partition, consumer: consumer.class.name }
      end

      # The consumer has no such method of its own.
      def nothing_to_do?(job)
        return false if job.kind == :consume || job.failed || !%i[revoked shutdown eofed idle].include?(job.kind)

        consumer = job.assignment&.consumer
        consumer.nil? || [job.kind, :"on_#{job.kind}"].all? { |name| consumer.method(name).owner == BaseConsumer }
      end

      def severity(error)
        error.respond_to?(:fatal?) && error.fatal? ? :fatal : :error
      end

      def describe(event)
        caller = event[:caller]
        return "#{event[:type]} in #{caller.class} on #{caller.topic.name}/#{caller.partition}" if caller.is_a?(BaseConsumer)

        event[:type]
      end

      # Known only where it is an offset.
      def place(offset)
        offset.negative? ? "where it has sought to" : "offset #{offset}"
      end

      def where(consumer)
        "[#{consumer.topic.name}/#{consumer.partition}]"
      end

      def partitions(event, none = "")
        return none if event[:tpl].empty?

        event[:tpl].map { |topic, numbers| "#{topic}[#{numbers.sort.join(",")}]" }.join(" ")
      end
    end
  end
end
