# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # From readings of processes to verdicts. Asks nobody and changes nothing.
      module Verdicts
        RULES = [Rules::Process, Rules::Partition, Rules::Topic].freeze
        # More partitions of one topic with the same verdict are one verdict.
        MOST_OF_A_KIND = 3
        # It is mostly caused by what other verdicts of the same severity say.
        SYMPTOM = :behind
        private_constant :RULES, :MOST_OF_A_KIND, :SYMPTOM

        class << self
          # @param readings [Array<Reading>]
          # @param limits [Limits]
          # @return [Array<Verdict>] the worst one first
          def of(readings, limits = Limits.new)
            all = readings.flat_map do |reading|
              found = reading.look ? of_look(reading.look, limits) : [unreachable(reading)]
              found.each { |verdict| verdict.process = reading.name if readings.size > 1 }
            end
            order(all)
          end

          # @param look [Look]
          # @param limits [Limits]
          # @return [Array<Verdict>] of one process
          def of_look(look, limits = Limits.new)
            order(together(order(RULES.flat_map { |rule| rule.call(look, limits) })))
          end

          private

          def order(verdicts)
            sorted = verdicts.each_with_index.sort_by do |verdict, index|
              [Verdict::SEVERITIES.index(verdict.severity), verdict.kind == SYMPTOM ? 1 : 0, -(verdict.since_ms || 0), index]
            end
            sorted.map(&:first)
          end

          def unreachable(reading)
            since = " for #{Format.duration(reading.silent_ms)}" if reading.silent_ms
            Verdict.new(severity: :unreachable, kind: :unreachable, subject: reading.name, next_step: reading.next_step,
                        text: "does not answer#{since}: #{reading.error}")
          end

          def together(verdicts)
            kinds = verdicts.group_by { |one| [one.severity, one.kind, one.group, one.subject[%r{\A(.+)/\d+\z}, 1] || one] }
            kinds.flat_map { |kind, same| same.size > MOST_OF_A_KIND ? [summary(kind.last, same)] : same }
          end

          # The one that lasts the longest stands for all of them.
          def summary(topic, verdicts)
            verdicts.first.dup.tap do |one|
              one.subject = "#{topic}: #{Format.count(verdicts.size)} partitions in the same state; #{one.subject}"
            end
          end
        end
      end
    end
  end
end
