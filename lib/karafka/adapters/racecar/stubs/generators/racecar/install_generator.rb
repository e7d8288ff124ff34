# frozen_string_literal: true

require "rails/generators"

module Racecar
  # `rails generate racecar:…`
  module Generators
    # `rails generate racecar:install`: the configuration file and the commands.
    class InstallGenerator < ::Rails::Generators::Base
      namespace "racecar:install"
      desc "Create config/racecar.yml, bin/racecar and bin/racecarctl"

      # @return [void]
      def create_files
        files = Karafka::Cli::Skeleton.new(destination_root).racecar
        files.each do |path, text|
          create_file(path, text)
          chmod(path, 0o755) if path.start_with?("bin/")
        end
      end
    end
  end
end
