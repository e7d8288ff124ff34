# frozen_string_literal: true

require "json"

module Karafka
  module Cli
    # `karafka pause`, `resume`, `skip` and `workers`: tells running processes what to do, through their sockets.
    class ControlCommand
      PLACE = %r{\A(?<topic>[^/@\s]+)(?:/(?<partition>\d+))?(?:@(?<offset>\d+))?\z}
      private_constant :PLACE

      # @param options [Hash{Symbol, String=>Object}] of the command line
      # @param terminal [Terminal]
      def initialize(options = {}, terminal: Terminal.new)
        @options = options
        @terminal = terminal
      end

      # @param action [String] pause or resume
      # @param place [String] TOPIC or TOPIC/PARTITION
      # @return [Integer] exit status
      # @raise [Errors::CommandError]
      def change(action, place)
        found = parse(place)
        wrong!(place, "TOPIC or TOPIC/PARTITION, such as orders/3") if found.nil? || found[:offset]
        tell(action, topic: found[:topic], partition: found[:partition]&.to_i)
      end

      # @param place [String] TOPIC/PARTITION@OFFSET
      # @return [Integer] exit status
      # @raise [Errors::CommandError]
      def skip(place)
        found = parse(place)
        wrong!(place, "TOPIC/PARTITION@OFFSET, such as orders/3@4711") unless found && found[:partition] && found[:offset]
        raise Errors::CommandError, "skip needs --reason TEXT: it stands in the log, and in the header of a dead letter" unless reason

        tell("skip", topic: found[:topic], partition: found[:partition].to_i, offset: found[:offset].to_i)
      end

      # @param count [String]
      # @return [Integer] exit status
      # @raise [Errors::CommandError]
      def workers(count)
        wrong!(count, "a number of workers from 1 to 1000") unless count.match?(/\A\d+\z/)
        tell("workers", workers: count.to_i)
      end

      private

      def parse(place) = PLACE.match(place)

      def wrong!(given, allowed)
        raise Errors::CommandError, "#{given.inspect} must be #{allowed}"
      end

      def tell(command, **fields)
        request = { command: command, **fields, group: @options[:group], reason: reason }.compact
        answers = answers(request)
        done, refused = answers.partition { |answer| answer["ok"] }
        # Only one node of a swarm has a partition: the others say so, which is nothing wrong.
        failed = done.empty?
        if @options[:json]
          @terminal.say JSON.pretty_generate(answers)
          return failed ? FAILED : OK
        end
        raise Errors::CommandError, refused.map { |answer| answer["error"] }.uniq.join("; ") if failed

        @terminal.say(*done.map { |answer| line(answer) })
        OK
      end

      def line(answer)
        node = answer["node"]
        "process #{answer["pid"]}#{" (node #{node})" if node}: #{answer["message"]}"
      end

      def reason
        text = @options[:reason]
        raise Errors::CommandError, "--reason is empty: say why, for the log" if text && text.strip.empty?

        text
      end

      # A message is with one process only.
      def answers(request)
        sockets.each_with_object([]) do |path, found|
          found << ControlClient.new(path).call(request)
          return found if request[:command] == "skip" && found.last["ok"]
        rescue Errors::CommandError => e
          found << { "ok" => false, "error" => e.message }
        end
      end

      def sockets
        path = @options[:socket] ? File.expand_path(@options[:socket]) : of_application
        found = Setup::SocketPath.existing(path)
        return found unless found.empty?

        raise Errors::CommandError, "no process takes commands at #{path}: none runs, or it began before that was set"
      end

      def of_application
        Boot.load_aside! if Boot.available?
        given = App.config.control.socket
        return Setup::SocketPath.of(given) if given

        raise Errors::CommandError,
              "which process? Name its socket with --socket FILE, or run this where karafka.rb sets config.control.socket (which a " \
              "process has to have from its start)"
      end
    end
  end
end
