# frozen_string_literal: true

require "thor"

module Karafka
  module Cli
    # What `karafka topics …` and `karafka groups …` share: a cluster, and an output for programs.
    class NestedCommands < Thor
      def self.exit_on_failure? = true
      def self.banner(command, *) = "karafka #{name[/(\w+)Commands\z/, 1].downcase} #{command.usage}"

      check_unknown_options!
      class_option :json, type: :boolean, desc: "For programs"
      class_option :brokers, banner: "HOST:PORT,…", desc: "Of another Kafka than the application's"

      def self.asking
        option :yes, type: :boolean, aliases: "-y", desc: "Do not ask; needed in production without a terminal"
      end

      no_commands do
        # @param klass [Class] of what carries it out
        # @return [Object]
        def command(klass)
          Target.kafka(options[:brokers])
          klass.new(options)
        end
      end
    end
  end
end
