# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      module Rules
        # Of the process as a whole, its clients and its producers.
        module Process
          class << self
            # @param look [Look]
            # @param limits [Limits]
            # @return [Array<Verdict>]
            def call(look, limits)
              verdicts = states(look, limits) + producers(look) + workers(look)
              look.each_client { |*client| verdicts.concat(client(look, limits, *client)) }
              verdicts.compact
            end

            private

            def states(look, limits)
              process = look.now["process"]
              subject = "process #{process["pid"]}"
              [
                (verdict(:problem, :failed, subject, "has failed: #{process["failure"]}", "restart it") if process["failure"]),
                (verdict(:note, :state, subject, "is #{process["state"]}") if %w[starting stopping].include?(process["state"])),
                (verdict(:note, :quiet, subject, "takes no new work (TSTP): only a stop follows") if process["quiet"]),
                lock(subject, process["events_unread_ms"], limits)
              ]
            end

            def lock(subject, unread_ms, limits)
              return unless unread_ms && unread_ms >= limits.events_ms

              verdict(:problem, :lock, subject, "has not let Ruby run for #{Format.duration(unread_ms)}: some code holds its lock",
                      "/v1/workers?backtrace=1 shows where")
            end

            def client(look, limits, client, earlier, group)
              return [] unless client["running"]

              name = "#{group} (#{client["id"]})"
              found = [polling(name, client, limits), away(name, client), waiting(look, name, client, limits),
                       lost(look, name, client, earlier), trouble(look, name, client, earlier),
                       *missing(look, client, earlier, group)].compact
              # The row of the group shows it, too.
              found.each { |verdict| verdict.group = group }
            end

            # A connection that breaks for a moment is nothing.
            def trouble(look, name, client, earlier)
              return unless client["trouble"]

              lasts = look.before.nil? || (earlier && earlier["trouble"])
              verdict(lasts ? :problem : :warning, :trouble, name, "reaches no broker: #{client["trouble"]}", "karafka doctor")
            end

            def polling(name, client, limits)
              age_ms = client["poll_age_ms"]
              return if age_ms < limits.poll_ms || client["closing"]

              verdict(:problem, :polling, name, "has not polled Kafka for #{Format.duration(age_ms)}",
                      "look at the load of the machine; docs/operations.md, KarafkaPollingStopped")
            end

            def away(name, client)
              return unless client["away"]

              verdict(:problem, :away, name, "is out of its group: a batch is over its long_running_limit",
                      "see which worker has it; TERM, then give that call a timeout")
            end

            def waiting(look, name, client, limits)
              up_ms = look.now["process"]["uptime_ms"]
              return unless client["generation"].zero? && !client["trouble"] && up_ms >= limits.stuck_ms

              verdict(:problem, :unassigned, name, "has had no assignment since its start #{Format.duration(up_ms)} ago",
                      "karafka doctor looks at the group, topics and rights")
            end

            # The group takes it back within moments, unless something is wrong.
            def lost(look, name, client, earlier)
              return if !client["lost"] || client["away"] || client["trouble"]

              lasts = look.before.nil? || (earlier && earlier["lost"])
              verdict(lasts ? :problem : :warning, :unassigned, name, "has lost its partitions, and has no assignment since",
                      "karafka doctor looks at the group, topics and rights; the log says what the group answers")
            end

            # A topic may be created at any moment; at the second look it is missing.
            def missing(look, client, earlier, group)
              names = client["missing_topics"]
              names &= earlier["missing_topics"] if earlier && look.before
              names.map do |topic|
                verdict(:problem, :missing, topic, "does not exist, and the routes of #{group} name it",
                        "compare the name; it is consumed soon after its creation")
              end
            end

            def producers(look)
              produced = (look.before ? look.before["produced"] : []).to_h { |topic| [topic["topic"], topic] }
              failed = look.now["produced"].filter_map do |topic|
                count = look.grown(topic, produced[topic["topic"]], "failed")
                next unless count&.positive?

                verdict(:problem, :produce, topic["topic"],
                        "#{Format.some(count, "message")} could not be sent in #{Format.duration(look.span_ms)}",
                        "the log has the broker's answer; docs/operations.md, KarafkaProduceFails")
              end
              troubled = look.now["producers"].select { |producer| producer["trouble"] }
              failed + troubled.map do |producer|
                verdict(:problem, :producer, "producer #{producer["client_id"]}", "has trouble: #{producer["trouble"]}", "karafka doctor")
              end
            end

            def workers(look)
              ready = look.now["process"]["ready_partitions"]
              earlier = look.before && look.before["process"]["ready_partitions"]
              return [] unless look.busy? && ready&.positive? && earlier&.positive?

              [verdict(:warning, :saturated, "process #{look.now["process"]["pid"]}",
                       "has #{Format.some(ready, "partition")} that wait: all #{look.now["workers"].size} workers are busy",
                       "karafka workers N where they wait for something, else more processes")]
            end

            def verdict(severity, kind, subject, text, next_step = nil)
              Verdict.new(severity: severity, kind: kind, subject: subject, text: text, next_step: next_step)
            end
          end
        end
      end
    end
  end
end
