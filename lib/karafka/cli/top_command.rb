# frozen_string_literal: true

require "json"

module Karafka
  module Cli
    # `karafka top` and `karafka status`: what is the matter with running processes, from their states over HTTP.
    class TopCommand
      # Exit statuses of a single look; without a finding it is {OK}.
      PROBLEM = 2
      UNREACHABLE = 3
      # Seconds between two questions, and between the two of a single look.
      INTERVAL = 2
      private_constant :PROBLEM, :UNREACHABLE, :INTERVAL

      # @param addresses [Array<String>] URLs and sockets; none: those of the application
      # @param options [Hash{Symbol, String=>Object}] of the command line
      # @param terminal [Terminal]
      def initialize(addresses, options = {}, terminal: Terminal.new)
        @addresses = addresses
        @options = options
        @terminal = terminal
      end

      # @return [Integer] exit status
      # @raise [Errors::CommandError]
      def call
        limits
        interval
        once = @options[:once] || @options[:json]
        unless once || @terminal.interactive?
          raise Errors::CommandError, "karafka top needs a terminal: use `karafka top --once`, or `karafka status`"
        end

        @reader = Top::Reader.new(addresses.map { |address| Top::Source.new(address) })
        once ? look_once : watch
      end

      private

      def addresses
        return Top::Addresses.of(@addresses) if @addresses.any?

        Boot.load_aside! if Boot.available?
        @of_application = true
        Top::Addresses.of_application(App.config.http, App.config.swarm.nodes)
      end

      def watch
        @reader.once
        forget_unexpected
        @reader.start(interval)
        Top::Session.new(@reader, limits).call
        OK
      rescue Interrupt
        OK
      ensure
        @reader.stop
      end

      # Two states, so that a moment is no verdict.
      def look_once
        readings = @reader.once
        forget_unexpected
        if readings.any?(&:look)
          sleep(interval)
          @reader.once
        end
        readings = @reader.readings
        verdicts = Top::Verdicts.of(readings, limits)
        @options[:json] ? say_states(readings) : @terminal.say(*Top::Screen.new(readings, verdicts, @terminal).text)
        status(verdicts)
      end

      def say_states(readings)
        readings.each do |reading|
          next @terminal.say(JSON.generate(reading.state)) if reading.look

          warn("karafka: #{reading.name} does not answer: #{[reading.error, reading.next_step].compact.join("; ")}")
        end
      end

      def status(verdicts)
        return PROBLEM if verdicts.any?(&:problem?)

        verdicts.any? { |verdict| verdict.severity == :unreachable } ? UNREACHABLE : OK
      end

      # The application does not say whether `karafka server` runs, or `karafka swarm`, whose nodes have a port each.
      def forget_unexpected
        return unless @of_application

        readings = @reader.readings
        first = readings.first
        swarm = readings.any? { |reading| reading.state && reading.state["process"]["node"] }
        return if swarm && !(first.look && first.state["process"]["node"].nil?)

        @reader.forget { |reading| reading.name != first.name }
      end

      def limits
        @limits ||= Top::Limits.new(stuck_ms: seconds(:stuck, 60) * 1_000, behind_ms: seconds(:behind, 300) * 1_000)
      end

      def interval = @interval ||= seconds(:interval, INTERVAL)
      def seconds(name, default) = Numbers.seconds(@options, name) || default
    end
  end
end
