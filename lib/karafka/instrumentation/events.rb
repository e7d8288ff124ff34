# frozen_string_literal: true

module Karafka
  module Instrumentation
    # The one list of event names. Events are per batch or rarer, never per message, except for jobs.
    module Events
      # Keys of what is about one client.
      GROUP = %i[caller subscription_group subscription_group_id consumer_group consumer_group_id client_id].freeze
      private_constant :GROUP

      # What this version emits, with the keys of the payload.
      EMITTED = {
        "app.initializing" => %i[caller],
        "app.initialized" => %i[caller],
        "app.before_warmup" => %i[caller],
        "app.after_warmup" => %i[caller],
        "app.running" => %i[caller],
        "app.supervising" => %i[caller],
        "app.quieting" => %i[caller],
        "app.quiet" => %i[caller],
        "app.stopping" => %i[caller],
        "app.stopped" => %i[caller],
        "app.terminated" => %i[caller],
        "process.notice_signal" => %i[caller signal],
        "connection.listener.pending" => %i[caller subscription_group],
        "connection.listener.starting" => %i[caller subscription_group],
        "connection.listener.running" => %i[caller subscription_group],
        "connection.listener.before_fetch_loop" => %i[caller subscription_group],
        "connection.listener.fetch_loop" => GROUP + %i[messages_buffer time],
        "connection.listener.fetch_loop.received" => GROUP + %i[messages_buffer time],
        "client.events_poll" => GROUP + %i[messages_buffer time],
        "connection.listener.quieting" => %i[caller subscription_group],
        "connection.listener.quiet" => %i[caller subscription_group],
        "connection.listener.stopping" => %i[caller subscription_group],
        "connection.listener.after_fetch_loop" => %i[caller subscription_group],
        "connection.listener.stopped" => %i[caller subscription_group],
        "rebalance.partitions_assign" => GROUP + %i[tpl partitions],
        "rebalance.partitions_revoke" => GROUP + %i[tpl partitions lost],
        "rebalance.partitions_assigned" => GROUP + %i[tpl partitions generation],
        "rebalance.partitions_revoked" => GROUP + %i[tpl partitions generation lost],
        "offsets.committed" => GROUP + %i[offsets],
        "filtering.throttled" => %i[caller message timeout],
        "filtering.seek" => %i[caller message],
        "filtering.skipped" => GROUP + %i[topic partition filtered expired],
        "multiplexing.scaled" => GROUP + %i[connections change],
        "statistics.emitted" => GROUP + %i[statistics],
        "worker.stuck" => GROUP + %i[topic partition kind time backtrace],
        "worker.scaling.up" => %i[caller from to],
        "worker.scaling.down" => %i[caller from to],
        "worker.process" => %i[caller job],
        "worker.processed" => %i[caller job time],
        "worker.completed" => %i[caller job time],
        "consumer.initialize" => %i[caller],
        "consumer.initialized" => %i[caller],
        "consumer.wrap" => %i[caller],
        "consumer.wrapped" => %i[caller time],
        "consumer.before_schedule_consume" => %i[caller],
        "consumer.before_schedule_eofed" => %i[caller],
        "consumer.before_schedule_idle" => %i[caller],
        "consumer.before_schedule_revoked" => %i[caller],
        "consumer.before_schedule_shutdown" => %i[caller],
        "consumer.consume" => %i[caller],
        "consumer.consumed" => %i[caller time],
        "consumers.responders.respond_with" => %i[caller responder data time],
        "backends.sidekiq.process" => %i[caller time],
        "backends.sidekiq.base_worker.perform" => %i[caller consumer time],
        "consumer.consuming.retry" => %i[caller topic partition attempt delay timeout offset error],
        "consumer.consuming.postponed" => %i[caller attempt delay reason],
        "consumer.consuming.skipped" => %i[caller message reason error],
        "dead_letter_queue.dispatched" => %i[caller message topic attempt error without_payload],
        "dead_letter_queue.stopped" => %i[caller message topic partition offset],
        "retry_topics.dispatched" => %i[caller message topic attempt error delay],
        "consumer.consuming.transaction" => %i[caller],
        "consumer.consuming.pause" => %i[caller topic partition subscription_group offset timeout manual attempt],
        "client.reset" => GROUP,
        "client.pause" => %i[caller topic partition subscription_group offset],
        "client.resume" => %i[caller topic partition subscription_group manual],
        "consumer.consuming.marked_back" => %i[caller topic partition message],
        "consumer.consuming.seek" => %i[caller topic partition message],
        "consumer.eof" => %i[caller],
        "consumer.eofed" => %i[caller time],
        "consumer.idle" => %i[caller],
        "consumer.idled" => %i[caller time],
        "consumer.before_schedule_tick" => %i[caller],
        "consumer.tick" => %i[caller],
        "consumer.ticked" => %i[caller time],
        "consumer.revoke" => %i[caller],
        "consumer.revoked" => %i[caller time],
        "consumer.shutting_down" => %i[caller],
        "consumer.shutdown" => %i[caller time],
        "active_job.consume" => %i[caller job message],
        "active_job.consumed" => %i[caller job message time],
        "control.command" => %i[caller command user uid pid reason answer],
        "swarm.manager.before_fork" => %i[caller node],
        "swarm.manager.after_fork" => %i[caller node],
        "swarm.manager.control" => %i[caller],
        "swarm.manager.stopping" => %i[caller node status],
        "swarm.manager.terminating" => %i[caller node status],
        "swarm.node.after_fork" => %i[caller node],
        "oauthbearer.token_refresh" => %i[caller bearer],
        "error.occurred" => %i[caller error type seek_offset]
      }.freeze

      # Names of Karafka's surface that belong to features which are not supported yet: subscribing to them is refused
      # rather than accepted in silence.
      NOT_YET = %w[
        admin.consumer_group.copy
        app.forking
        recurring_tasks.task.executed
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
