# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      module Rules
        # Of a topic in a group, and of a group.
        module Topic
          # Rebalances that take partitions away from members that are alive.
          DISTURBING = %w[revoked lost over_limit].freeze
          # Counters that are worth a look when they grow.
          COUNTERS = { "dead_letters" => "dead letter", "skipped" => "skipped message" }.freeze
          LATE = "compare karafka_processing_seconds with karafka_waiting_seconds; docs/operations.md, KarafkaLag"
          LONGER = "--interval 20 looks longer"
          private_constant :DISTURBING, :COUNTERS, :LATE, :LONGER

          class << self
            # @param look [Look]
            # @param limits [Limits]
            # @return [Array<Verdict>]
            def call(look, limits)
              verdicts = look.each_topic.flat_map { |*topic| [behind(look, limits, *topic), *counters(look, *topic)] }
              look.each_group { |group, _| verdicts << rebalances(look, limits, group) << unused(look, group) }
              verdicts.compact
            end

            private

            # A moment's lag is nothing, and neither is one that is being worked off.
            def behind(look, limits, group, topic, earlier)
              return unless late?(topic, limits)

              text = "is #{Format.duration(topic["lag_ms"])} behind, with #{Format.some(topic["lag"], "message")}"
              trend = Figures.trend(look, topic, earlier)
              return verdict(:warning, group, topic, "#{text}#{rates(topic)} (no trend is known yet)", LATE) unless trend

              return verdict(:problem, group, topic, "#{text}#{rates(topic)}, and does not catch up", LATE) unless trend.negative?
              return verdict(:warning, group, topic, "#{text}#{rates(topic)}, so its trend is not sure", LONGER) if outrun?(topic)

              verdict(:note, group, topic, "#{text}, and catches up: through in #{Format.duration(Figures.eta_ms(look, topic, earlier))}")
            end

            # Positions move by whole batches, so the lag of two moments may fall while more comes than is consumed.
            def outrun?(topic)
              topic["rate_in"] && topic["rate_out"] && topic["rate_in"] > topic["rate_out"]
            end

            def late?(topic, limits)
              topic["lag"]&.positive? && topic["lag_ms"] && topic["lag_ms"] >= limits.behind_ms &&
                topic["paused"].values.sum < topic["partitions"]
            end

            def rates(topic)
              ": #{Format.rate(topic["rate_in"])} come, #{Format.rate(topic["rate_out"])} are consumed"
            end

            def counters(look, group, topic, earlier)
              COUNTERS.filter_map do |field, word|
                count = look.grown(topic, earlier, field)
                next unless count&.positive?

                text = "has #{Format.some(count, word)} more than #{Format.duration(look.span_ms)} ago"
                verdict(:warning, group, topic, text, "the log has the errors").tap { |one| one.kind = field.to_sym }
              end
            end

            def rebalances(look, limits, group)
              since = look.now["at_ms"] - limits.rebalances_ms
              recent = (group["rebalances"] || []).select { |one| one["at_ms"] >= since && DISTURBING.include?(one["cause"]) }
              return if recent.size < limits.rebalances

              Verdict.new(severity: :problem, kind: :rebalances, subject: group["group"], group: group["group"],
                          text: "has lost partitions #{recent.size} times in #{Format.duration(limits.rebalances_ms)}, " \
                                "#{mostly(look, recent)}",
                          next_step: "karafka groups describe #{group["group"]}, several times, shows who comes and goes; " \
                                     "docs/operations.md, KarafkaRebalancesOften")
            end

            def mostly(look, rebalances)
              cause = rebalances.map { |one| one["cause"] }.tally.max_by(&:last).first
              last = rebalances.map { |one| one["at_ms"] }.max
              "mostly #{cause}, last #{Format.duration(look.now["at_ms"] - last)} ago"
            end

            def unused(look, group)
              return unless look.works? && group["partitions"].zero? && group["clients"].any? { |one| one["generation"].positive? }
              return if group["clients"].any? { |one| one["away"] || one["lost"] || one["trouble"] || one["missing_topics"].any? }

              Verdict.new(severity: :note, kind: :unused, subject: group["group"], group: group["group"],
                          text: "has no partitions in process #{look.now["process"]["pid"]}: others have them, or they are too few",
                          next_step: nil)
            end

            def verdict(severity, group, topic, text, next_step = nil)
              Verdict.new(severity: severity, kind: :behind, subject: topic["topic"], text: text, next_step: next_step, group: group,
                          since_ms: topic["lag_ms"])
            end
          end
        end
      end
    end
  end
end
