# frozen_string_literal: true

module Karafka
  module Cli
    # Loads the application.
    module Boot
      class << self
        # Loads Rails, where there is one, and the boot file; checks everything.
        # @return [void]
        # @raise [Errors::MissingBootFileError]
        # @raise [Errors::InvalidConfigurationError]
        def load!
          load_rails
          BootFile.load!
          App.boot!
        end

        # The same for commands whose output others read: what the application says meanwhile goes to standard error, and so does
        # the log.
        # @return [void]
        def load_aside!
          out = $stdout
          begin
            $stdout = $stderr
            load!
          ensure
            $stdout = out
          end
          log_aside!
        end

        # The log goes to standard error from now on, unless the application has a logger of its own.
        # @return [void]
        def log_aside!
          logger = Karafka.logger
          logger.aside if logger.is_a?(Instrumentation::Logger)
        end

        # @return [Boolean] whether there is anything to load
        # @raise [Errors::MissingBootFileError] KARAFKA_BOOT_FILE names a file that does not exist
        def available?
          BootFile.available? || rails?
        end

        # @return [String] name of the environment that the application will be in
        def environment
          rails? ? OnRails::Environment.prepare : Karafka.env
        end

        # @return [Boolean] whether this directory holds a Rails application that is in the bundle
        def rails?
          rails_file.exist? && Gem.loaded_specs.key?("railties")
        end

        # Loads Rails, where there is one.
        # @return [void]
        def load_rails
          return unless rails?

          OnRails::Environment.prepare
          # The command has loaded Karafka before Rails, so that lib/karafka.rb did none of this, and Bundler does not load it again.
          require "rails"
          OnRails::Jobs.follow
          require_relative "../runtime/on_rails/railtie"
          require rails_file.to_s
        end

        private

        def rails_file
          Karafka.root.join("config", "environment.rb")
        end
      end
    end
  end
end
