# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka flow`
    class FlowCommand
      # @param options [Hash{String, Symbol=>Object}] format, json, output
      # @param out [IO]
      def initialize(options, out: $stdout)
        @format = options[:json] ? "json" : options[:format]
        @file = options[:output]
        @out = out
      end

      # @return [Integer] exit status
      # @raise [Errors::CommandError]
      def call
        Boot.load_aside!
        text = Flow.render(@format, json: @file.to_s.end_with?(".json"))
        text = "No topics are consumed. Draw some: Karafka::App.routes.draw { topic(:name) { consumer Klass } }\n" if text.empty?
        @file ? write(text) : @out.print(text)
        OK
      end

      private

      def write(text)
        File.write(@file, text)
        @out.puts("#{@file} written")
      rescue SystemCallError => e
        raise Errors::CommandError, "cannot write #{@file}: #{e.message}"
      end
    end
  end
end
