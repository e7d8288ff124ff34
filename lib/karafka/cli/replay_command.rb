# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka replay`: messages of a topic to another one, dead letters back to their topics, or a group back by time.
    class ReplayCommand
      # What each form takes, besides what all of them take.
      SENDING = %i[from to partition key header grep by_key rate name again yes].freeze
      FORMS = { group: %i[group from partition wait], dead_letters: [:dead_letters, :max_returns, *SENDING], copy: SENDING }.freeze
      ALL = %i[brokers json dry_run].freeze
      USAGE = "say what is to be replayed: karafka replay TOPIC TARGET, karafka replay --dead-letters TOPIC, or " \
              "karafka replay [TOPIC] --group GROUP --from PLACE"
      MAX_RETURNS = 3
      private_constant :SENDING, :FORMS, :ALL, :USAGE, :MAX_RETURNS

      # @param topics [Array<String>] none, one or two
      # @param options [Hash{Symbol, String=>Object}] of the command line
      def initialize(topics, options)
        @topics = topics
        @options = options
      end

      # @return [Integer] exit status
      # @raise [Errors::CommandError]
      def call
        form = FORMS.keys.find { |name| @options[name] } || :copy
        check!(form)
        send(form)
      end

      private

      def check!(form)
        fits = { group: @topics.size < 2, dead_letters: @topics.empty?, copy: @topics.size == 2 }.fetch(form)
        raise Errors::CommandError, USAGE unless fits

        foreign = @options.keys.map(&:to_sym) - FORMS.fetch(form) - ALL
        return if foreign.empty?

        with = { group: "--group", dead_letters: "--dead-letters", copy: "TOPIC TARGET" }.fetch(form)
        raise Errors::CommandError, "--#{foreign.first.to_s.tr("_", "-")} does not go with #{with}"
      end

      def copy = job(Replay::Copy.new(*@topics, by_key: @options[:by_key]))

      def dead_letters
        most = Numbers.count(@options, :max_returns) || MAX_RETURNS
        job(Replay::DeadLetters.new(@options[:dead_letters], by_key: @options[:by_key], max_returns: most))
      end

      def job(task)
        Replay::Job.new(task, Target.kafka(@options[:brokers]), @options).call
      end

      # The same as `karafka groups seek`.
      def group
        raise Errors::CommandError, "where to? Give --from PLACE: earliest, latest, an offset or a time" unless @options[:from]

        Target.kafka(@options[:brokers])
        options = Thor::CoreExt::HashWithIndifferentAccess.new(@options).merge("to" => @options[:from], "topic" => @topics)
        Groups::Command.new(options).seek(@options[:group], option: "--from")
      end
    end
  end
end
