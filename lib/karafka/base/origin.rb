# frozen_string_literal: true

module Karafka
  # Where an error comes from, for people: the line of the application that led to it, not that of a library it called.
  module Origin
    # Lines of a backtrace that say nothing about whose mistake it was.
    LOADERS = %r{\A<internal:|/(?:thor|zeitwerk|bundler)(?:-[\d.]+)?/|/monitor\.rb:}
    # Gems below the application's directory.
    BUNDLED = %r{/(?:vendor|\.?bundle|gems)/}
    OURS = %w[lib exe].map { |directory| "#{Text.readable(Karafka.gem_root.to_s)}/#{directory}/" }.freeze
    private_constant :LOADERS, :BUNDLED, :OURS

    class << self
      # @param error [Exception]
      # @return [String] class, message and origin, in a sentence
      def describe(error)
        text = "#{error.class}: #{first_line(error)}"
        cause = error.cause
        text += " (because of #{cause.class}: #{first_line(cause)})" if cause && cause.message != error.message
        [text, place(error)].compact.join(" ")
      end

      # @param error [Exception]
      # @return [String, nil] in parentheses
      def place(error)
        lines = lines(error)
        own = lines.find { |line| own?(line) }
        return if lines.empty?

        own.nil? || own == lines.first ? "(#{lines.first})" : "(#{own}, raised at #{lines.first})"
      end

      # @param error [Exception]
      # @return [String, nil] file and line in the application, in parentheses
      def line(error)
        own = lines(error).find { |line| own?(line) }
        own && "(#{own[/\A.+?:\d+/]})"
      end

      private

      def lines(error)
        Text.backtrace(error).reject { |line| line.start_with?(*OURS) || LOADERS.match?(line) }
      end

      def own?(line)
        return false if line.start_with?("#{Text.readable(File.expand_path($PROGRAM_NAME))}:")

        [Karafka.root.to_s, Dir.pwd].map { |place| Text.readable(place) }.any? do |place|
          line.start_with?("#{place}/") && !BUNDLED.match?(line.delete_prefix(place))
        end
      end

      def first_line(error)
        Text.readable(error.message).lines.first.to_s.strip
      end
    end
  end
end
