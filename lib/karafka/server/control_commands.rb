# frozen_string_literal: true

module Karafka
  module Server
    # What can be asked of a running process through its socket. Each command is logged with who sent it and why.
    module ControlCommands
      TEXT = ->(value) { value.is_a?(String) && !value.empty? && value.valid_encoding? }
      NUMBER = ->(range) { ->(value) { value.is_a?(Integer) && range.cover?(value) } }
      # What a request may have: a test, and the description of what is allowed.
      FIELDS = {
        "group" => [TEXT, "a name"],
        "topic" => [TEXT, "a name"],
        "reason" => [TEXT, "a text"],
        "partition" => [NUMBER[0..(2**31) - 1], "an Integer of at least 0"],
        "offset" => [NUMBER[0..(2**63) - 1], "an Integer of at least 0"],
        "workers" => [NUMBER[1..1_000], "an Integer from 1 to 1000"]
      }.freeze
      # Those that a command needs, and those that it may have.
      COMMANDS = {
        "pause" => [%w[topic], %w[partition group reason]],
        "resume" => [%w[topic], %w[partition group reason]],
        "skip" => [%w[topic partition offset reason], %w[group]],
        "workers" => [%w[workers], %w[reason]]
      }.freeze
      # In the words of the answer.
      RESULTS = {
        dead_lettered: "went to %<target>s",
        skipped: "is skipped, and nothing is kept of it: its topic has no dead letter queue",
        processed: "was processed meanwhile: nothing was skipped",
        lost: "is not this process's any more: another one has its partition, so skip it there"
      }.freeze
      WAITS = "is left out as soon as its partition goes on: a batch of it runs, or it is paused. The order is lost if the " \
              "process ends before."
      private_constant :WAITS, :TEXT, :NUMBER, :FIELDS, :COMMANDS, :RESULTS

      class << self
        # @param request [Object] of JSON, from outside
        # @param peer [#name, #uid, #pid] who sent it
        # @return [Hash{Symbol=>Object}] `ok`, and `message` or `error`
        def call(request, peer)
          about = { pid: ::Process.pid, node: App.config.swarm.node&.id }.compact
          command, fields = checked(request)
          answer = { ok: true, **perform(command, fields), **about }
          note(command, fields, peer, answer)
          answer
        rescue ArgumentError, Errors::InvalidConfigurationError, Errors::EngineError => e
          { ok: false, error: e.message, **about }.tap { |refused| note(command, fields, peer, refused) if command }
        end

        private

        def checked(request)
          raise ArgumentError, "a request is a JSON object" unless request.is_a?(Hash)

          command = request["command"]
          needed, allowed = COMMANDS[command] || raise(ArgumentError, "there are the commands #{COMMANDS.keys.join(", ")}")
          fields = request.reject { |name, value| name == "command" || value.nil? }
          missing = needed - fields.keys
          unknown = fields.keys - needed - allowed
          raise ArgumentError, "#{command} needs #{missing.join(", ")}" unless missing.empty?
          raise ArgumentError, "#{command} does not know #{unknown.first.inspect[0, 50]}" unless unknown.empty?

          [command, fields.to_h { |name, value| [name.to_sym, check(name, value)] }]
        end

        def check(name, value)
          test, allowed = FIELDS.fetch(name)
          test.call(value) ? value : raise(ArgumentError, "#{name} is #{value.inspect[0, 50]}, but must be #{allowed}")
        end

        def perform(command, fields)
          case command
          when "skip" then skip(fields)
          when "workers" then workers(fields[:workers])
          else change(command, **fields.slice(:topic, :partition, :group))
          end
        end

        def change(action, topic:, partition: nil, group: nil)
          covered = Server.public_send(action, topic: topic, partition: partition, group: group)
          if partition && covered.zero?
            Server.resume(topic: topic, partition: partition, group: group)
            raise ArgumentError, "#{topic}/#{partition} is not assigned to this process"
          end
          what = partition ? "#{topic}/#{partition}" : topic
          wider!(what, topic, group) if action == "resume"
          { covered: covered, message: "#{what} is #{action}d#{extent(covered, partition, action)}" }
        end

        # A narrower resume does not end a wider pause.
        def wider!(what, topic, group)
          wider = Server.state[:paused].find do |pause|
            [nil, topic].include?(pause[:topic]) && (group.nil? || [nil, group].include?(pause[:group])) && pause[:partition].nil?
          end or return
          whole = wider.compact.map { |name, value| "#{name} #{value}" }.join(", ")
          raise ArgumentError, "#{what} stays paused, because #{whole.empty? ? "everything" : whole} is: resume that"
        end

        def extent(covered, partition, action)
          return if partition
          return ": #{Amount.of(covered, "partition")} of this process" if covered.positive?

          ": this process has none of its partitions now#{", and pauses those that come" if action == "pause"}"
        end

        def skip(fields)
          order = Server.skip(**fields)
          result = order.result
          return { result: result, message: "#{order} #{format(RESULTS.fetch(result), target: order.target)}" } if result

          trouble = order.trouble or return { result: :waits, message: "#{order} #{WAITS}" }
          { ok: false, error: "#{order} stays: its dead letter queue did not take it (#{trouble.message}). That is tried again." }
        end

        def workers(count)
          before = Server.workers.size
          Server.workers.scale(count)
          later = ": those that are too many end after their batch" if count < before
          { before: before, workers: count, message: "#{count} workers instead of #{before}#{later}" }
        end

        # What comes from outside stands in one line, whatever it has in it.
        def note(command, fields, peer, answer)
          said = answer[:ok] ? answer[:message] : "refused: #{answer[:error]}"
          reason = fields[:reason]
          Karafka.logger.warn("#{command} by #{peer.name} (uid #{peer.uid}, process #{peer.pid})" \
                              "#{", because #{reason.inspect}" if reason}: #{said.dump[1..-2]}")
          who = { user: peer.name, uid: peer.uid, pid: peer.pid }
          Instrumentation::Safely.instrument("control.command", { caller: self, command: command, **who, reason: reason, answer: answer })
        end
      end
    end
  end
end
