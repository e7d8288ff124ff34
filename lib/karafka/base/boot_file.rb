# frozen_string_literal: true

module Karafka
  # The file that sets the application up: `karafka.rb`, or what KARAFKA_BOOT_FILE names.
  module BootFile
    # A file of that name means: the application has none.
    NONE = "false"
    private_constant :NONE

    class << self
      # @return [Pathname]
      def path
        Karafka.boot_file
      end

      # @return [Boolean] whether KARAFKA_BOOT_FILE says that there is none
      def none?
        ENV["KARAFKA_BOOT_FILE"] == NONE
      end

      # @return [Boolean] whether there is one
      # @raise [Errors::MissingBootFileError] KARAFKA_BOOT_FILE names one that does not exist
      def available?
        return false if none?

        path.file? || (raise missing unless ENV["KARAFKA_BOOT_FILE"].to_s.empty?)
      end

      # @return [void]
      # @raise [Errors::MissingBootFileError]
      def load!
        return if none?
        raise missing unless path.file?

        require path.to_s
      end

      # Loads it where there is one. Some commands go on without: a rake task that migrates a database or builds assets needs no
      # Kafka, and often has no settings for it; in a console one looks for the mistake, and a generator makes what is missing.
      # @yield what else has to be right
      # @return [void]
      # @raise [Errors::MissingBootFileError] and whatever the file raises
      def load_in_rails
        return unless available?

        yield
        require path.to_s
      rescue StandardError, ScriptError => e
        raise unless rake? || rails_command?

        @failure = e
        warn("karafka: #{path} failed, and this command goes on without it. #{Origin.describe(e)}")
      end

      # @return [void]
      # @raise [Errors::InvalidConfigurationError] it was loaded and failed
      def check!
        raise Errors::InvalidConfigurationError, "#{path} failed. #{Origin.describe(@failure)}", cause: @failure if @failure
      end

      # @return [Boolean] whether it was loaded and failed
      def failed?
        !@failure.nil?
      end

      # @return [String] why nothing is set up in this process
      def absence
        "Nothing was set up in this process: #{reason}"
      end

      # For tests.
      # @return [void]
      def reset!
        @failure = nil
      end

      private

      def missing
        Errors::MissingBootFileError.new("there is no boot file #{path}. #{ADVICE}")
      end

      def reason
        return "#{path} failed. #{Origin.describe(@failure)}" if @failure
        return "KARAFKA_BOOT_FILE=false leaves the boot file out." if none?
        return missing.message unless path.file?
        return "#{path} does not call Karafka::App.setup." if $LOADED_FEATURES.include?(path.realpath.to_s)

        "#{path} was not loaded: `require \"#{path}\"`."
      end

      def rake?
        defined?(::Rake.application) ? ::Rake.application.top_level_tasks.any? : false
      end

      # Rails loads the class of the command that it runs, and no other one.
      def rails_command?
        defined?(::Rails::Console) || defined?(::Rails::Command::GenerateCommand) || defined?(::Rails::Command::DestroyCommand)
      end
    end

    ADVICE = "Run `karafka install` to create one here, change to the directory of the application, or set KARAFKA_BOOT_FILE."
    private_constant :ADVICE
  end
end
