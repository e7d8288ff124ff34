# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      module Rules
        # Of one partition: at most one verdict. A partition without lag is never stuck, however long nothing has come.
        class Partition
          # @param look [Look]
          # @param limits [Limits]
          # @return [Array<Verdict>]
          def self.call(look, limits)
            look.each_partition.filter_map { |group, topic, *states| new(look, limits, group, topic, states).call }
          end

          # @param look [Look]
          # @param limits [Limits]
          # @param group [String]
          # @param topic [String]
          # @param states [Array(Hash{String=>Object}, Hash)] now, and before where that is known
          def initialize(look, limits, group, topic, states)
            @look = look
            @limits = limits
            @group = group
            @now, @before = states
            @place = "#{topic}/#{@now["partition"]}"
          end

          # @return [Verdict, nil]
          def call
            return if moved? || @now["state"] != "open"

            stuck || failing || paused || still
          end

          private

          # Whether it has got any further within the window. Not known: no.
          def moved?
            from, to = [@before, @now].map { |one| one && one["position"] }
            !from.nil? && !to.nil? && from != to
          end

          def stuck
            lease = @now["leases"].max_by { |one| one["age_ms"] }
            return unless lease && lease["age_ms"] >= @limits.stuck_ms

            worker = @look.workers[lease["assignment"]]
            verdict(:problem, :stuck, "stuck #{Format.duration(lease["age_ms"])}: #{Format.place(lease["consumer"])} " \
                                      "#{worker ? "on worker #{worker}" : "on a worker that is unknown"}",
                    "/v1/workers?backtrace=1 shows where it waits; TERM, then give that call a timeout", lease["age_ms"])
          end

          def failing
            attempt = @now["attempt"]
            return if attempt < @limits.attempts || operator?

            verdict(:problem, :failing, "fails again and again at offset #{Format.clean(@now["position"] || Format::UNKNOWN)}: attempt " \
                                        "#{attempt} #{attempt_goes_on}",
                    "the log has the error; karafka skip #{@place}@#{@now["position"] || "OFFSET"} --reason … leaves the message out")
          end

          def attempt_goes_on
            return "runs" if @now["leases"].any?

            pause = @now["pause"] or return "is next"
            pause["left_ms"] ? "follows in #{Format.duration(pause["left_ms"])}" : "waits until it is resumed (stop_after, or its consumer)"
          end

          def operator? = @now.dig("pause", "reason") == "operator"

          def paused
            pause = @now["pause"] or return
            case pause["reason"]
            when "operator"
              verdict(:note, :operator, "is paused by an operator (karafka pause, or Karafka::Server.pause): #{waits}",
                      "karafka resume #{@place}")
            when "refused"
              verdict(:problem, :refused, "has no valid offset, and auto.offset.reset is \"error\": #{waits}",
                      "karafka groups seek #{@group} --to PLACE, once its members are stopped")
            else
              return if pause["left_ms"]

              who = pause["reason"] == "consumer" ? "its consumer" : "stop_after, or by its consumer after a failure"
              verdict(@now["lag"]&.zero? ? :note : :warning, :consumer, "is paused by #{who} until it is resumed: #{waits}",
                      "look for \"Pausing\" or \"is paused\" in the log; karafka resume #{@place}")
            end
          end

          def waits
            lag = @now["lag"]
            if lag
              "#{Format.some(lag, "message")} #{lag == 1 ? "waits" : "wait"}"
            else
              "its lag is unknown"
            end
          end

          # Messages wait, and nobody has them. That the engine cannot say why is no proof: they may be held back on purpose.
          def still
            return unless @look.works? && @look.span_ms.to_i >= @limits.idle_ms && !@look.busy?
            return if @now["pause"] || [@now, @before].any? { |one| idle?(one) }

            since = @now["lag_ms"]
            verdict(:warning, :still, "stands still: #{waits}#{", the next one for #{Format.duration(since)}" if since}, no worker has any",
                    "nothing is wrong where delay_by, retry_topics or throttle hold it back; else karafka doctor", since)
          end

          # Nothing to do, or at it. What is not known is no sign either.
          def idle?(one)
            one.nil? || one["position"].nil? || !one["lag"]&.positive? || one["leases"].any?
          end

          def verdict(severity, kind, text, next_step, since_ms = nil)
            Verdict.new(severity: severity, kind: kind, subject: @place, text: text, next_step: next_step, group: @group,
                        since_ms: since_ms)
          end
        end
      end
    end
  end
end
