# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # Rows of the tables, over all processes.
      module Rows
        # By whom a partition is paused.
        PAUSED_BY = {
          "operator" => "paused by an operator", "consumer" => "paused by its consumer", "back_off" => "waits after a failure",
          "refused" => "no valid offset"
        }.freeze
        private_constant :PAUSED_BY

        class << self
          # @param partition [Hash{String=>Object}]
          # @return [String]
          def state_of(partition)
            pause = partition["pause"]
            return "#{PAUSED_BY.fetch(pause["reason"], pause["reason"])}#{until_when(pause)}" if pause
            return partition["state"] unless partition["state"] == "open"
            return partition["leases"].first["kind"] if partition["leases"].any?

            { nil => Format::UNKNOWN, 0 => "idle" }.fetch(partition["lag"], "waits")
          end

          # @param reading [Reading]
          # @return [Array<Array<Object>>]
          def workers(reading)
            reading.state["workers"].map do |worker|
              work = worker["work"]
              about = work ? ["#{work["topic"]}/#{work["partition"]}", *work.values_at("first_offset", "messages", "attempt")] : [:none] * 4
              [worker["worker"].to_s, work ? work["kind"] : worker["state"], worker["age_ms"], *about,
               work ? Format.place(work["consumer"]) : :none, reading.name]
            end
          end

          # @param readings [Array<Reading>]
          # @param list [String] of a group
          # @yieldparam group [String]
          # @yieldparam one [Hash{String=>Object}]
          # @return [Array<Array<Object>>] the newest first
          def newest(readings, list)
            rows = readings.flat_map do |reading|
              reading.look.each_group.flat_map do |group, _|
                (group[list] || []).map do |one|
                  [[reading.state["at_ms"] - one["at_ms"], 0].max, *yield(group["group"], one), reading.name]
                end
              end
            end
            rows.sort_by(&:first)
          end

          # @param readings [Array<Reading>]
          # @return [Array<Array<Object>>]
          def topics(readings)
            found = readings.flat_map { |reading| reading.look.each_topic.map { |*topic| [reading, *topic] } }
            found.group_by { |_, group, topic, _| [topic["topic"], group] }.map do |(name, group), parts|
              [name, group, *figures(parts), *%w[consumed retried dead_letters].map { |field| parts.sum { |_, _, topic, _| topic[field] } }]
            end
          end

          # @param readings [Array<Reading>]
          # @param verdicts [Array<Verdict>]
          # @return [Array<Array<Object>>]
          def groups(readings, verdicts)
            found = readings.flat_map { |reading| reading.look.each_topic.map { |*topic| [reading, *topic] } }
            by_topic = found.group_by { |_, group, _, _| group }
            all = readings.flat_map { |reading| reading.state["groups"].map { |group| [group["group"], reading] } }.group_by(&:first)
            all.map do |name, members|
              [name, group_state(name, verdicts), *figures(by_topic.fetch(name, [])), members.size]
            end
          end

          private

          def until_when(pause)
            return ", #{Format.duration(pause["left_ms"])} left" if pause["left_ms"]

            ", until it is resumed" unless pause["reason"] == "refused"
          end

          def group_state(name, verdicts)
            worst = verdicts.select { |one| one.group == name }.min_by { |one| Verdict::SEVERITIES.index(one.severity) }
            return "ok" if worst.nil? || worst.severity == :note

            worst.severity == :problem ? worst.kind.to_s : "#{worst.kind}?"
          end

          # Age, lag, trend, rates, end, partitions and pauses. Where a part is not known, the sum is not either.
          def figures(parts)
            known = parts.reject { |_, _, topic, _| topic["partitions"].zero? }
            return ([:none] * 6) + [0, 0] if known.empty?

            topics = known.map { |_, _, topic, _| topic }
            lag = lag(topics)
            trend = Figures.sum(known.map { |reading, _, topic, before| Figures.trend(reading.look, topic, before) })
            [age(topics, lag), lag, trend, *%w[rate_in rate_out].map { |rate| sum(topics, rate) }, eta(lag, trend),
             sum(topics, "partitions"), topics.sum { |topic| topic["paused"].values.sum }]
          end

          def lag(topics) = Figures.sum(topics.map { |topic| topic["lag"] if topic["lag_unknown"].zero? })

          # Where the age of some is not known, the worst one that is known: it is at least that, which says something unless it is 0.
          def age(topics, lag)
            worst = topics.filter_map { |topic| topic["lag_ms"] }.max || 0
            worst if worst.positive? || lag&.zero?
          end

          def sum(topics, field) = Figures.sum(topics.map { |topic| topic[field] })

          # Without lag there is nothing to wait for; with one that does not fall there is no end.
          def eta(lag, trend)
            return if lag.nil? || trend.nil?

            trend.negative? && lag.positive? ? lag * 1_000.0 / -trend : :none
          end
        end
      end
    end
  end
end
