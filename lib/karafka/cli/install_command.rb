# frozen_string_literal: true

require "fileutils"

module Karafka
  module Cli
    # `karafka install`: the files of a first application. What is there already stays as it is.
    class InstallCommand
      FILES = {
        "karafka.rb" => "karafka.rb.tt",
        "app/consumers/application_consumer.rb" => "application_consumer.rb.tt",
        "app/consumers/example_consumer.rb" => "example_consumer.rb.tt",
        "spec/karafka_spec.rb" => "karafka_spec.rb.tt"
      }.freeze
      TEMPLATES = File.expand_path("templates", __dir__)
      private_constant :FILES, :TEMPLATES

      # @param directory [String]
      # @param out [IO]
      def initialize(directory: Dir.pwd, out: $stdout)
        @directory = directory
        @out = out
      end

      # @return [Integer] exit status
      def call
        wanted.each { |path, template| create(path, template) }
        @out.puts("", "Next: `bundle exec karafka broker --topics example` in one terminal; it prints its address.",
                  "In another: `KAFKA_BROKERS=that address bundle exec karafka server`.")
        OK
      rescue SystemCallError => e
        raise Errors::CommandError, "cannot write here: #{e.message}"
      end

      private

      # No specs where the tests are in test/.
      def wanted
        Dir.exist?(File.join(@directory, "test")) ? FILES.reject { |path, _| path.start_with?("spec/") } : FILES
      end

      def create(path, template)
        target = File.join(@directory, path)
        return @out.puts("exists  #{path}") if File.exist?(target)

        FileUtils.mkdir_p(File.dirname(target))
        text = File.read(File.join(TEMPLATES, template)).gsub("{{name}}", application_name).gsub("{{loading}}\n", loading)
        File.write(target, text.gsub("{{reloading}}", reloading))
        @out.puts("create  #{path}")
      end

      def rails?
        File.exist?(File.join(@directory, "config", "application.rb"))
      end

      def loading
        return "# Rails loads the classes.\n" if rails?

        <<~RUBY
          LOADER = Zeitwerk::Loader.new
          LOADER.push_dir(File.join(__dir__, "app", "consumers"))
          LOADER.setup
        RUBY
      end

      def reloading
        return "" unless rails?

        "    # Made for each batch, so that code you change is used.\n    config.consumer_persistence = !Rails.env.development?\n"
      end

      # The directory's name, as far as Kafka's rules for names allow.
      def application_name
        name = File.basename(@directory).downcase.gsub(/[^a-z0-9_-]+/, "_").gsub(/\A_+|_+\z/, "")
        name.empty? ? "app" : name
      end
    end
  end
end
