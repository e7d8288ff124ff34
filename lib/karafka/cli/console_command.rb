# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka console`
    class ConsoleCommand
      # @return [Integer] exit status
      # @raise [Errors::BaseError]
      def call
        # Rails has a console of its own, with reloading; the application is loaded in it as well.
        if Boot.rails?
          OnRails::Environment.prepare
          return exec("bundle", "exec", "rails", "console")
        end

        Boot.load!
        begin
          require "irb"
        rescue LoadError
          raise Errors::CommandError, "the console needs the gem irb: add `gem \"irb\"` to the Gemfile."
        end
        ARGV.clear
        IRB.start
        OK
      end
    end
  end
end
