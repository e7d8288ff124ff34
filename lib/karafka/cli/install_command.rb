# frozen_string_literal: true

require "fileutils"

module Karafka
  module Cli
    # `karafka install`: the files of a first application. Files that exist stay as they are.
    class InstallCommand
      # @param directory [String]
      # @param out [IO]
      def initialize(directory: Dir.pwd, out: $stdout)
        @directory = directory
        @out = out
      end

      # @return [Integer] exit status
      def call
        Skeleton.new(@directory).first_application.each { |path, text| create(path, text) }
        @out.puts("", "Next: `bundle exec karafka broker --topics example` in one terminal; it prints its address.",
                  "In another: `KAFKA_BROKERS=that address bundle exec karafka server`.")
        OK
      rescue SystemCallError => e
        raise Errors::CommandError, "cannot write here: #{e.message}"
      end

      private

      def create(path, text)
        target = File.join(@directory, path)
        return @out.puts("exists  #{path}") if File.exist?(target)

        FileUtils.mkdir_p(File.dirname(target))
        File.write(target, text)
        @out.puts("create  #{path}")
      end
    end
  end
end
