# frozen_string_literal: true

module Karafka
  module Cli
    # Loads the application.
    module Boot
      # A boot file of that name means: the application needs none.
      NONE = "false"
      private_constant :NONE

      class << self
        # Loads Rails, where there is one, and the boot file; checks everything.
        # @return [void]
        # @raise [Errors::MissingBootFileError]
        # @raise [Errors::InvalidConfigurationError]
        def load!
          load_rails
          require_boot_file
          App.boot!
        end

        # The same for commands whose output others read: what the application says meanwhile goes to standard error.
        # @return [void]
        def load_aside!
          out = $stdout
          $stdout = $stderr
          load!
        ensure
          $stdout = out
        end

        # @return [Boolean] whether there is anything to load
        def available?
          Karafka.boot_file.file?
        end

        # @return [Boolean] whether this directory holds a Rails application that is in the bundle
        def rails?
          environment.exist? && Gem.loaded_specs.key?("railties")
        end

        private

        def environment
          Karafka.root.join("config", "environment.rb")
        end

        def load_rails
          require environment.to_s if rails?
        end

        def require_boot_file
          return if ENV["KARAFKA_BOOT_FILE"] == NONE

          file = Karafka.boot_file
          unless file.file?
            raise Errors::MissingBootFileError,
                  "there is no boot file #{file}. Run `karafka install` to create one here, change to the directory of the " \
                  "application, or set KARAFKA_BOOT_FILE."
          end
          require file.to_s
        end
      end
    end
  end
end
