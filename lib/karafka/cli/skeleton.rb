# frozen_string_literal: true

module Karafka
  module Cli
    # The files that `karafka install` and the generators of Rails write, as texts by path. They follow what the directory has: Rails
    # or not, tests or specs.
    class Skeleton
      TEMPLATES = File.expand_path("templates", __dir__)
      private_constant :TEMPLATES

      # @param directory [String] of the application
      def initialize(directory)
        @directory = directory
      end

      # @return [Hash{String=>String}] text by path: what a new application begins with
      def first_application = { **application, **consumer("example", "Example", "example") }

      # @return [Hash{String=>String}] text by path: the boot file, what all consumers share, and a test
      def application
        { "karafka.rb" => render("karafka.rb", "karafka.rb", name: application_name, loading: loading, reloading: reloading),
          "app/consumers/application_consumer.rb" => render("app/consumers/application_consumer.rb", "application_consumer.rb"),
          **test("karafka") }
      end

      # @param path [String] such as "billing/orders"
      # @param class_name [String] such as "Billing::Orders"
      # @param topic [String]
      # @return [Hash{String=>String}] text by path: a consumer and its test
      def consumer(path, class_name, topic)
        pair("consumer", path, class: class_name, **topic(topic))
      end

      # @return [Hash{String=>String}] text by path: a responder and its test
      # @see #consumer
      def responder(path, class_name, topic)
        superclass = there?("app/responders/application_responder.rb") ? "ApplicationResponder" : "Karafka::BaseResponder"
        pair("responder", path, class: class_name, responder: superclass, **topic(topic))
      end

      # @return [Hash{String=>String}] text by path: what an application of the gem racecar needs
      def racecar
        { "bin/racecar" => binstub("racecar", "Racecar::Cli"), "bin/racecarctl" => binstub("racecar", "Racecar::Ctl"),
          "config/racecar.yml" => render("config/racecar.yml", "racecar.yml", name: application_name) }
      end

      # @return [Hash{String=>String}] text by path: what an application of the gem phobos needs besides its own files
      def phobos = { "bin/phobos" => binstub("phobos", "Phobos::CLI") }

      # @param topic [String]
      # @return [String] as one writes it in Ruby: a Symbol where it can be one
      def topic_literal(topic)
        topic.match?(/\A[a-z_]\w*\z/i) ? ":#{topic}" : topic.inspect
      end

      private

      def pair(kind, path, **values)
        file = "app/#{kind}s/#{path}_#{kind}.rb"
        { file => render(file, "#{kind}.rb", **values), **test(kind, "#{kind}s/#{path}_#{kind}", **values) }
      end

      def test(template, path = template, **values)
        suite = minitest? ? "test" : "spec"
        file = "#{suite}/#{path}_#{suite}.rb"
        { file => render(file, "#{template}_#{suite}.rb", **values) }
      end

      def binstub(adapter, command)
        render("bin", "binstub", adapter: adapter, command: command)
      end

      def render(path, template, **values)
        text = File.read(File.join(TEMPLATES, "#{template}.tt"))
        { helper: helper(path), test_case: test_case, **values }.each { |name, value| text = text.gsub(/\{\{#{name}\}\}/) { value } }
        text
      end

      def topic(name)
        { topic: name, topic_text: name.inspect, topic_literal: topic_literal(name) }
      end

      def minitest?
        there?("test") && !there?("spec")
      end

      def there?(path)
        File.exist?(File.join(@directory, path))
      end

      def rails?
        there?("config/application.rb")
      end

      # @return [String] what a test begins with
      def helper(path)
        root = "../" * path.count("/")
        return rails_helper || "require_relative \"#{root}config/environment\"" if rails?

        "#{"require \"minitest/autorun\"\n" if minitest?}require_relative \"#{root}karafka\""
      end

      # That of Rails takes back what a test has written to the database.
      def test_case = rails? ? "ActiveSupport::TestCase" : "Minitest::Test"

      # Rails loads karafka.rb.
      def rails_helper
        found = (minitest? ? %w[test/test_helper.rb] : %w[spec/rails_helper.rb]).find { |path| there?(path) }
        "require \"#{File.basename(found, ".rb")}\"" if found
      end

      def loading
        return "" if rails?

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
