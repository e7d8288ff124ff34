# frozen_string_literal: true

module Karafka
  module Instrumentation
    # The one list of event names. Events are per batch or rarer, never per message.
    module Events
      # What this version emits, with the keys of the payload.
      EMITTED = {
        "app.initializing" => %i[caller],
        "app.initialized" => %i[caller],
        "app.running" => %i[caller],
        "app.quieting" => %i[caller],
        "app.quiet" => %i[caller],
        "app.stopping" => %i[caller],
        "app.stopped" => %i[caller],
        "app.terminated" => %i[caller],
        "process.notice_signal" => %i[caller signal],
        "connection.listener.before_fetch_loop" => %i[caller subscription_group],
        "connection.listener.fetch_loop.received" => %i[caller subscription_group messages_buffer],
        "connection.listener.after_fetch_loop" => %i[caller subscription_group],
        "rebalance.partitions_assigned" => %i[caller subscription_group_id consumer_group_id tpl partitions generation],
        "rebalance.partitions_revoked" => %i[caller subscription_group_id consumer_group_id tpl partitions generation lost],
        "offsets.committed" => %i[caller subscription_group_id consumer_group_id offsets],
        "filtering.skipped" => %i[caller subscription_group_id consumer_group_id topic partition filtered expired],
        "multiplexing.scaled" => %i[caller subscription_group_id consumer_group_id connections change],
        "statistics.emitted" => %i[caller subscription_group_id consumer_group_id statistics],
        "worker.stuck" => %i[caller subscription_group_id consumer_group_id topic partition kind time backtrace],
        "worker.process" => %i[caller job],
        "worker.processed" => %i[caller job time],
        "consumer.initialized" => %i[caller],
        "consumer.consume" => %i[caller],
        "consumer.consumed" => %i[caller time],
        "consumers.responders.respond_with" => %i[caller responder data time],
        "consumer.consuming.retry" => %i[caller topic partition attempt delay timeout offset error],
        "consumer.consuming.postponed" => %i[caller attempt delay reason],
        "consumer.consuming.skipped" => %i[caller message reason error],
        "dead_letter_queue.dispatched" => %i[caller message topic attempt error without_payload],
        "dead_letter_queue.stopped" => %i[caller message topic partition offset],
        "retry_topics.dispatched" => %i[caller message topic attempt error delay],
        "consumer.consuming.transaction" => %i[caller],
        "consumer.consuming.pause" => %i[caller topic partition offset timeout manual attempt],
        "client.resume" => %i[caller topic partition],
        "consumer.consuming.seek" => %i[caller topic partition message],
        "consumer.eof" => %i[caller],
        "consumer.eofed" => %i[caller time],
        "consumer.idle" => %i[caller],
        "consumer.idled" => %i[caller time],
        "consumer.revoke" => %i[caller],
        "consumer.revoked" => %i[caller time],
        "consumer.shutting_down" => %i[caller],
        "consumer.shutdown" => %i[caller time],
        "error.occurred" => %i[caller error type seek_offset]
      }.freeze

      # Names of Karafka's surface that belong to features which are not there yet: subscribing to them is refused
      # rather than accepted in silence.
      NOT_YET = %w[
        active_job.consume active_job.consumed admin.consumer_group.copy
        app.before_warmup app.after_warmup app.forking app.supervising
        client.events_poll client.pause client.reset
        connection.listener.fetch_loop connection.listener.pending connection.listener.starting
        connection.listener.running connection.listener.quieting connection.listener.quiet
        connection.listener.stopping connection.listener.stopped
        consumer.before_schedule_consume consumer.before_schedule_eofed consumer.before_schedule_idle
        consumer.before_schedule_revoked consumer.before_schedule_shutdown
        consumer.before_schedule_tick consumer.tick consumer.ticked consumer.wrap consumer.wrapped
        consumer.initialize
        filtering.seek filtering.throttled recurring_tasks.task.executed
        oauthbearer.token_refresh rebalance.partitions_assign rebalance.partitions_revoke
        swarm.manager.before_fork swarm.manager.after_fork swarm.manager.control
        swarm.manager.stopping swarm.manager.terminating swarm.node.after_fork worker.completed worker.scaling.up worker.scaling.down
      ].freeze

      # @param name [String] an unknown name
      # @param known [Array<String>]
      # @return [String, nil] the nearest known name
      def self.nearest(name, known = EMITTED.keys)
        return unless defined?(DidYouMean::SpellChecker)

        DidYouMean::SpellChecker.new(dictionary: known).correct(name).first
      end
    end
  end
end
