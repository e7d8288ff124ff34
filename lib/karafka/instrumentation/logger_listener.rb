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
        define_method(:"on_#{event}") { |_event| send(level, "#{text} Karafka (#{::Process.pid})") }
      end

      # @param log_polling [Boolean] also log each batch that arrives
      def initialize(log_polling: true)
        @log_polling = log_polling
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
        return if !log_polling? || event[:messages_buffer].empty?

        batch = event[:messages_buffer].metadata
        info "[#{event[:subscription_group].id}] Got #{batch.size} messages of #{batch.topic}/#{batch.partition}, " \
             "offsets #{batch.first_offset} to #{batch.last_offset}"
      end

      # @param event [Event]
      # @return [void]
      def on_worker_process(event)
        job = event[:job]
        debug "[#{job.id}] #{job.name} started"
      end

      # @param event [Event]
      # @return [void]
      def on_worker_processed(event)
        job = event[:job]
        return debug("[#{job.id}] #{job.name}: nothing to do") if nothing_to_do?(job)

        info "[#{job.id}] #{job.name} #{job.failed ? "failed after" : "finished in"} #{event[:time].round(2)} ms"
      end

      # @param event [Event]
      # @return [void]
      def on_consumer_consuming_retry(event)
        consumer = event[:caller]
        warn "#{where(consumer)} Retrying #{consumer.class} from #{place(event[:offset])} in #{event[:delay]} ms " \
             "(attempt #{event[:attempt]} failed)"
      end

      {
        consumer_consuming_postponed: "consumer.consuming.postponed", consumer_consuming_skipped: "consumer.consuming.skipped",
        dead_letter_queue_dispatched: "dead_letter_queue.dispatched", retry_topics_dispatched: "retry_topics.dispatched"
      }.each do |handler, name|
        define_method(:"on_#{handler}") { |event| warn(Announcements.text(name, event.payload)) }
      end

      # @param event [Event]
      # @return [void]
      def on_consumer_consuming_pause(event)
        # That of a retry is in the line of the retry.
        return unless event[:manual]

        length = event[:timeout] == -1 ? "until it is resumed" : "for #{event[:timeout]} ms"
        info "#{where(event[:caller])} Pausing #{length}#{" at offset #{event[:offset]}" if event[:offset]}"
      end

      # @param event [Event]
      # @return [void]
      def on_client_resume(event)
        # After a retry's pause comes the line of the batch.
        send(event[:manual] ? :info : :debug, "#{where(event[:caller])} Resuming")
      end

      # @param event [Event]
      # @return [void]
      def on_consumer_consuming_seek(event)
        info "#{where(event[:caller])} Seeking to #{event[:message].offset}"
      end

      # @param event [Event]
      # @return [void]
      def on_rebalance_partitions_assigned(event)
        info "[#{event[:subscription_group_id]}] Group #{event[:consumer_group_id]}: assigned #{partitions(event)}"
      end

      # @param event [Event]
      # @return [void]
      def on_rebalance_partitions_revoked(event)
        verb = event[:lost] ? "lost" : "revoked"
        info "[#{event[:subscription_group_id]}] Group #{event[:consumer_group_id]}: #{verb} #{partitions(event)}"
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
        send(severity(error), ["#{describe(event)}: #{error.class}: #{Safely.message_of(error)}", *Backtrace.of(error)].join("\n"))
      end

      private

      %i[debug info warn error fatal].each do |level|
        define_method(level) { |text| Karafka.logger.public_send(level, text) }
      end

      # The consumer has no such method of its own.
      def nothing_to_do?(job)
        consumer = job.assignment&.consumer
        return false if job.failed || !%i[revoked shutdown eofed idle].include?(job.kind)

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

      def partitions(event)
        event[:tpl].map { |topic, numbers| "#{topic}[#{numbers.join(",")}]" }.join(" ")
      end
    end
  end
end
