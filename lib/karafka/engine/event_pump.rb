# frozen_string_literal: true

require "json"

module Karafka
  class Engine
    # The one thread that turns what the engine reports into events of the monitor and lines of the log.
    class EventPump
      # How long one wait lasts, ms. It only bounds how late a closed engine is noticed.
      WAIT_MS = 1_000
      private_constant :WAIT_MS

      # @param engine [#events]
      # @param groups [Array<Routing::SubscriptionGroup>]
      # @param workers [Enumerable<Worker>]
      # @param transactions [TransactionalProducers, nil]
      def initialize(engine, groups = [], workers = [], transactions = nil)
        @engine = engine
        @transactions = transactions
        @stuck = StuckReport.new(workers)
        @groups = groups.to_h { |group| [group.id.to_s, group] }
        @connectivity = Connectivity.new
      end

      # @return [self]
      def start
        @thread = Thread.new { run }
        @thread.name = "karafka.events"
        self
      end

      # @param seconds [Numeric, nil]
      # @return [Boolean] whether it ended
      def join(seconds = nil)
        @thread.nil? || !@thread.join(seconds).nil?
      end

      # @return [void]
      def kill
        @thread&.kill
      end

      # @param event [Hash{Symbol=>Object}] as the engine reports it
      # @return [void]
      def handle(event)
        case event[:type]
        when :log then Karafka.logger.public_send(level(event[:level]), "#{event[:target]}: #{event[:message]}")
        when :error then error(event)
        when :assigned then rebalanced("rebalance.partitions_assigned", event)
        when :revoked then rebalanced("rebalance.partitions_revoked", event)
        when :committed, :statistics, :abandoned, :skipped, :went_back, :scaled then send(event[:type], event)
        when :stuck, :left, :returned then @stuck.public_send(event[:type], event, whose(event))
        when :dropped_events then Karafka.logger.warn("#{event[:count]} events of the engine were dropped: subscribers are too slow")
        else Karafka.logger.debug("engine: #{event.inspect}")
        end
      end

      private

      def run
        while (events = @engine.events(WAIT_MS))
          events.each { |event| contained(event) }
        end
      end

      # Subscribers are contained by Safely; this is for what the logger or this class itself raises.
      def contained(event)
        handle(event)
      rescue StandardError => e
        Instrumentation::Safely.say("cannot report #{event.inspect}: #{e.class}: #{e.message}")
      end

      def error(event)
        # Topics that match may come at any time: that none has come yet is no error.
        return Karafka.logger.info(event[:message]) if event[:code].to_s == "unknown_topic_or_part" && event[:message].to_s.include?(": ^")

        report = @connectivity.report(event) or return
        Instrumentation::Safely.error(report, "librdkafka.error", **whose(event))
      end

      def rebalanced(name, event)
        @connectivity.reached(event[:group]) if event[:type] == :assigned
        @transactions&.rebalanced(@groups[event[:group].to_s], event)
        return unless Karafka.monitor.listening?(name)

        tpl = event[:partitions].group_by(&:first).transform_values { |list| list.map(&:last) }
        Instrumentation::Safely.instrument(name, { **whose(event), tpl: tpl, **event.slice(:partitions, :generation, :lost) })
      end

      def committed(event)
        if event[:error]
          failure = Errors::KafkaError.new("the commit of #{places(event[:offsets])} was refused: #{event[:error]}", code: event[:error])
          Instrumentation::Safely.error(failure, "connection.client.commit_offsets.error", **whose(event))
        elsif Karafka.monitor.listening?("offsets.committed")
          Instrumentation::Safely.instrument("offsets.committed", { **whose(event), offsets: event[:offsets] })
        end
      end

      def statistics(event)
        # Parsing is expensive, so it waits for somebody who wants it.
        return unless Karafka.monitor.listening?("statistics.emitted")

        whose = whose(event)
        changes = (@changes ||= {})[whose[:subscription_group_id]] ||= Instrumentation::Changes.new
        Instrumentation::Safely.instrument("statistics.emitted", { **whose, statistics: changes.add_to(JSON.parse(event[:json])) })
      end

      def skipped(event)
        return unless Karafka.monitor.listening?("filtering.skipped")

        Instrumentation::Safely.instrument("filtering.skipped", { **whose(event), **event.slice(:topic, :partition, :filtered, :expired) })
      end

      def abandoned(event)
        place = "#{event[:topic]}/#{event[:partition]}"
        failure = Errors::EngineError.new("a batch of #{place} was never settled; it is delivered again from offset #{event[:offset]}")
        Instrumentation::Safely.error(failure, "worker.abandoned.error", caller: self)
      end

      def went_back(event)
        place = "#{event[:topic]}/#{event[:partition]}"
        failure = Errors::EngineError.new(
          "#{place} goes on from offset #{event[:offset]}, though this process had committed #{event[:committed]}: the offset was moved " \
          "back from outside, the group's offsets expired, the topic was created anew, or a broker that was not in sync became " \
          "the leader. The messages between come again"
        )
        place = event.slice(:topic, :partition, :offset, :committed)
        Instrumentation::Safely.error(failure, "connection.offset_went_back.error", **whose(event), **place)
      end

      def scaled(event)
        group = @groups[event[:group].to_s]
        change = event[:grown] ? :up : :down
        why = event[:grown] ? "each has partitions" : "#{event[:group]} has had no partition for a while"
        count = event[:clients]
        connections = count == 1 ? "1 connection consumes" : "#{count} connections consume"
        Karafka.logger.info("#{connections} #{Array(group&.topics).map(&:name).join(", ")} now: #{why}")
        return unless Karafka.monitor.listening?("multiplexing.scaled")

        Instrumentation::Safely.instrument("multiplexing.scaled", { **whose(event), connections: count, change: change })
      end

      def whose(event)
        group = @groups[event[:group].to_s]
        { caller: self, subscription_group_id: event[:group], consumer_group_id: group&.consumer_group&.id }
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
