# frozen_string_literal: true

require "json"

module Karafka
  class Engine
    # The one thread that turns what the engine reports into events of the monitor and lines of the log.
    class EventPump
      include PositionReports

      # How long one wait lasts, ms. It only bounds how late a closed engine is noticed.
      WAIT_MS = 1_000
      POLLED = %w[connection.listener.fetch_loop connection.listener.fetch_loop.received client.events_poll].freeze
      MOVES = {
        assigning: "rebalance.partitions_assign", assigned: "rebalance.partitions_assigned",
        revoking: "rebalance.partitions_revoke", revoked: "rebalance.partitions_revoked"
      }.freeze
      # Each has a method of its own.
      REPORTS = %i[polled committed statistics abandoned skipped went_back recreated overtaken scaled reset backtraces app_metrics].freeze
      private_constant :WAIT_MS, :POLLED, :MOVES, :REPORTS

      # @param engine [#events]
      # @param groups [Array<Routing::SubscriptionGroup>]
      # @param workers [Enumerable<Worker>]
      # @param transactions [TransactionalProducers, nil]
      # @param observer [Observer, nil]
      def initialize(engine, groups = [], workers = [], transactions = nil, observer: nil)
        @engine = engine
        @transactions = transactions
        @observer = observer
        @workers = workers
        @stuck = StuckReport.new(workers)
        @groups = groups.to_h { |group| [group.id.to_s, group] }
        @reports = Hash.new { |known, id| known[id] = reports_of(@groups[id]) }
        @client_id = App.config.client_id
        @repeats = Diagnosis::Repeats.new
        @pending = []
        @lasting = LastingThread.new("karafka.events", replaced: method(:replaced)) { run }
      end

      # @return [self]
      def start
        @lasting.start
        self
      end

      # @return [Thread, nil]
      def thread
        @lasting.thread
      end

      # @param seconds [Numeric, nil]
      # @return [Boolean] whether it ended
      def join(seconds = nil)
        thread.nil? || @lasting.join(seconds)
      end

      # @return [void]
      def kill
        @lasting.kill
      end

      # @param event [Hash{Symbol=>Object}] as the engine reports it
      # @return [void]
      def handle(event)
        case event[:type]
        when :log then log(event)
        when :error then error(event)
        when :back then @reports[event[:group].to_s].back
        when :assigning, :revoking, :assigned, :revoked then moves(event)
        when *REPORTS then send(event[:type], event)
        when :stuck, :left, :returned then @stuck.public_send(event[:type], event, owner_of(event))
        when :dropped_events then Karafka.logger.warn("#{event[:count]} events of the engine were dropped: subscribers are too slow")
        else Karafka.logger.debug("engine: #{event.inspect}")
        end
      end

      private

      def run
        until @closed
          take
          # Each is tried once, also where a subscriber ends the thread.
          contained(@pending.shift) until @pending.empty?
          @reports.each { |id, reports| recovered(id, reports.recovered) }
        end
      end

      def take
        @closed = true if @pending.empty? && !LastingThread.keep(@pending) { @engine.events(WAIT_MS) }
      rescue Errors::BaseError => e
        @closed = true
        Instrumentation::Safely.say("the engine's events are no longer reported: #{e.message}")
      end

      def replaced(error)
        Karafka.logger.warn("a subscriber has ended the thread of events#{LastingThread.reason(error)}; another one goes on")
      end

      # Subscribers are contained by Safely; this is for what the logger or this class itself raises.
      def contained(event)
        handle(event)
      rescue StandardError => e
        Instrumentation::Safely.say("cannot report #{event.inspect}: #{e.class}: #{e.message}")
      end

      # In an outage librdkafka says the same again and again, with other numbers.
      def log(event)
        level = level(event[:level])
        silent = level == :debug ? 0 : @repeats.due([level, event[:target], event[:message].to_s.gsub(/\d+/, "0")])
        return unless silent

        text = "#{event[:target]}: #{event[:message]}#{Diagnosis::Repeats.count(silent)}"
        Karafka.logger.public_send(level, Instrumentation::LogLine.new(text, source: event[:target], repeated: silent))
      end

      def error(event)
        report, about = @reports[event[:group].to_s].report(event)
        return unless report

        type = about == :brokers ? "librdkafka.error" : "connection.client.poll.error"
        Instrumentation::Safely.error(report, type, **owner_of(event))
      end

      def reports_of(group)
        Diagnosis::Reports.new(group&.kafka || {}, group: group ? group.consumer_group.id : "")
      end

      def recovered(id, text)
        Karafka.logger.warn("[#{id}] #{text}") if text
      end

      def moves(event)
        rebalanced(event) if %i[assigned revoked].include?(event[:type])
        name = MOVES.fetch(event[:type])
        return unless Karafka.monitor.listening?(name)

        tpl = event[:partitions].group_by(&:first).transform_values { |list| list.map(&:last) }
        Instrumentation::Safely.instrument(name, { **owner_of(event), tpl: tpl, **event.slice(:partitions, :generation, :lost) })
      end

      def rebalanced(event)
        recovered(event[:group], @reports[event[:group].to_s].over) if event[:type] == :assigned
        Insights.forget(@groups[event[:group].to_s]&.consumer_group_id, event[:partitions]) if event[:type] == :revoked
        @transactions&.rebalanced(@groups[event[:group].to_s], event)
      end

      # The poll thread comes round. Home-made checks whether a process is alive hang on these.
      def polled(event)
        POLLED.each do |name|
          next unless Karafka.monitor.listening?(name)

          Instrumentation::Safely.instrument(
            name, { **owner_of(event), messages_buffer: Instrumentation::MessagesBuffer.new, time: event[:time_ms] }
          )
        end
      end

      def committed(event)
        if event[:error]
          failure = Errors::KafkaError.new("the commit of #{places(event[:offsets])} was refused: #{event[:error]}", code: event[:error])
          Instrumentation::Safely.error(failure, "connection.client.commit_offsets.error", **owner_of(event))
        elsif Karafka.monitor.listening?("offsets.committed")
          Instrumentation::Safely.instrument("offsets.committed", { **owner_of(event), offsets: event[:offsets] })
        end
      end

      def statistics(event)
        # Parsing is expensive, so it waits for somebody who wants it.
        group = @groups[event[:group].to_s]
        insights = group&.topics&.any?(&:inline_insights?)
        return unless insights || Karafka.monitor.listening?("statistics.emitted")

        changes = (@changes ||= {})[event[:group]] ||= Instrumentation::Changes.new
        statistics = changes.add_to(Instrumentation::Lag.fill(JSON.parse(event[:json]), event.fetch(:offsets, [])))
        Insights.add(group.consumer_group_id, statistics) if insights
        Instrumentation::Safely.instrument("statistics.emitted", { **owner_of(event), statistics: statistics })
      end

      # Somebody asks over HTTP.
      def backtraces(event)
        @observer&.give_backtraces(event[:question], @workers)
      end

      def app_metrics(event)
        @observer&.give_app_metrics(event[:question])
      end

      # The client has failed for good, and another one takes its place.
      def reset(event)
        Instrumentation::Safely.instrument("client.reset", owner_of(event)) if Karafka.monitor.listening?("client.reset")
      end

      def skipped(event)
        return unless Karafka.monitor.listening?("filtering.skipped")

        counts = event.slice(:topic, :partition, :filtered, :expired)
        Instrumentation::Safely.instrument("filtering.skipped", { **owner_of(event), **counts })
      end

      def abandoned(event)
        place = "#{event[:topic]}/#{event[:partition]}"
        failure = Errors::EngineError.new("a batch of #{place} was never settled; it is delivered again from offset #{event[:offset]}")
        Instrumentation::Safely.error(failure, "worker.abandoned.error", caller: self)
      end

      def scaled(event)
        group = @groups[event[:group].to_s]
        change = event[:grown] ? :up : :down
        why = event[:grown] ? "each has partitions" : "#{event[:group]} has had no partition for a while"
        count = event[:clients]
        connections = count == 1 ? "1 connection consumes" : "#{count} connections consume"
        Karafka.logger.info("#{connections} #{Array(group&.topics).map(&:name).join(", ")} now: #{why}")
        return unless Karafka.monitor.listening?("multiplexing.scaled")

        Instrumentation::Safely.instrument("multiplexing.scaled", { **owner_of(event), connections: count, change: change })
      end

      def owner_of(event)
        group = @groups[event[:group].to_s]
        {
          caller: self, subscription_group: group, subscription_group_id: event[:group], consumer_group: group&.consumer_group,
          consumer_group_id: group&.consumer_group&.id, client_id: @client_id
        }
      end

      def places(offsets)
        Array(offsets).map { |topic, partition, offset| "#{topic}/#{partition}@#{offset}" }.join(", ")
      end

      def level(name)
        case name.to_s
        when "error" then :error
        when "warn" then :warn
        when "info" then :info
        else :debug
        end
      end
    end
  end
end
