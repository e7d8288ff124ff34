# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka worker`: becomes a process of Sidekiq that does the jobs of `backend :sidekiq`.
    class WorkerCommand
      SETTINGS = "config/sidekiq.yml"
      private_constant :SETTINGS

      # @param arguments [Array<String>] for `sidekiq`
      def initialize(arguments)
        @arguments = arguments
      end

      # @return [Integer] exit status; does not return where all is well
      # @raise [Errors::CommandError] there is no `sidekiq`
      def call
        InfoCommand.new.call
        $stdout.flush
        exec(*command)
      rescue Errno::ENOENT => e
        raise Errors::CommandError, "karafka worker cannot start Sidekiq: #{e.message}. Add `gem \"sidekiq\"` to the Gemfile"
      end

      # @return [Array<String>]
      def command
        [*bundled, "sidekiq", "-e", Boot.environment.to_s, "-r", BootFile.path.to_s, *settings, *@arguments]
      end

      private

      def bundled
        ENV["BUNDLE_GEMFILE"] || Karafka.root.join("Gemfile").file? ? %w[bundle exec] : []
      end

      # Sidekiq does not start with one that does not exist.
      def settings
        File.file?(SETTINGS) ? ["-C", SETTINGS] : []
      end
    end
  end
end
