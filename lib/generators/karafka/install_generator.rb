# frozen_string_literal: true

require "rails/generators"

module Karafka
  # `rails generate karafka:…`
  module Generators
    # The files of `karafka install`, the binstub, and the server among the processes of `bin/dev`.
    class InstallGenerator < ::Rails::Generators::Base
      namespace "karafka:install"
      desc "Create karafka.rb, a first consumer with its test, bin/karafka, and a line in Procfile.dev"

      # @return [void]
      def create_application
        Cli::Skeleton.new(destination_root).first_application.each { |path, text| create_file(path, text) }
      end

      # @return [void]
      def create_binstub
        create_file("bin/karafka", <<~RUBY)
          #!/usr/bin/env ruby
          # frozen_string_literal: true

          ENV["BUNDLE_GEMFILE"] ||= File.expand_path("../Gemfile", __dir__)
          require "bundler/setup" if File.exist?(ENV["BUNDLE_GEMFILE"])
          load Gem.bin_path("karafka-rs", "karafka")
        RUBY
        chmod("bin/karafka", 0o755)
      end

      # @return [void]
      def add_to_procfile
        line = "karafka: bin/karafka server\n"
        path = File.join(destination_root, "Procfile.dev")
        return create_file("Procfile.dev", "web: bin/rails server\n#{line}") unless File.exist?(path)

        append_to_file("Procfile.dev", File.read(path).end_with?("\n") ? line : "\n#{line}")
      end

      # @return [void]
      def say_what_is_next
        return unless behavior == :invoke

        say("\nNext: `bin/karafka broker --topics example` in one terminal; it prints its address.\n" \
            "In another: `KAFKA_BROKERS=that address bin/karafka server`.")
      end
    end
  end
end
