# frozen_string_literal: true

require "fileutils"

module Karafka
  module Cli
    # `karafka install`: the files of a first application. Files that exist stay as they are.
    class InstallCommand
      # @param directory [String]
      # @param adapters [Array<Symbol>] :racecar, :phobos: only what their applications need here
      # @param out [IO]
      def initialize(adapters: [], directory: Dir.pwd, out: $stdout)
        @adapters = adapters
        @directory = directory
        @terminal = Terminal.new(out: out)
      end

      # @return [Integer] exit status
      def call
        skeleton = Skeleton.new(@directory)
        return adapters(skeleton) if @adapters.any?

        skeleton.first_application.each { |path, text| create(path, text) }
        @terminal.say("", "Next: `bundle exec karafka broker --topics example` in one terminal; it prints its address.",
                      "In another: `KAFKA_BROKERS=that address bundle exec karafka server`.")
        OK
      rescue SystemCallError => e
        raise Errors::CommandError, "cannot write here: #{e.message}"
      end

      private

      def adapters(skeleton)
        @adapters.each { |name| skeleton.public_send(name).each { |path, text| create(path, text) } }
        OK
      end

      def create(path, text)
        target = File.join(@directory, path)
        return @terminal.say("exists  #{path}") if File.exist?(target)

        FileUtils.mkdir_p(File.dirname(target))
        File.write(target, text)
        File.chmod(0o755, target) if path.start_with?("bin/")
        @terminal.say("create  #{path}")
      end
    end
  end
end
