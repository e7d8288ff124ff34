# frozen_string_literal: true

module Karafka
  module Cli
    # What commands print for people: tables, colours, questions. Colours and questions are for a terminal only.
    class Terminal
      COLOURS = { red: 31, green: 32, yellow: 33 }.freeze
      private_constant :COLOURS

      # @param out [IO]
      # @param input [IO]
      def initialize(out: $stdout, input: $stdin)
        @out = out
        @input = input
        @closed = false
      end

      # A program that reads may end before the command does, as `head` does. The command goes on without it: it may have changed half
      # of what it is to change.
      # @param lines [Array<String>]
      # @return [void]
      def say(*lines)
        @out.puts(lines) unless lines.empty? || @closed
      rescue Errno::EPIPE
        @closed = true
      end

      # @return [Boolean] whether nobody reads any more
      def closed? = @closed

      # @param text [String]
      # @param colour [Symbol] :red, :green or :yellow
      # @return [String] the text itself where the output is no terminal, or NO_COLOR is set
      def paint(text, colour)
        colours? ? "\e[#{COLOURS.fetch(colour)}m#{text}\e[0m" : text
      end

      # @param heading [Array<String>]
      # @param rows [Array<Array<Object>>] Numbers stand at the right
      # @return [void]
      def table(heading, rows)
        columns = [heading, *rows].transpose.map { |column| aligned(column) }
        columns.transpose.each { |cells| say cells.join("  ").rstrip }
      end

      # @return [Boolean] whether a person can answer
      def interactive? = @input.tty? && @out.tty?

      # Has a person type a word before something is deleted. Without a terminal nobody is asked.
      # @param what [String] what is about to happen
      # @param word [String]
      # @return [Boolean] whether it was typed
      def confirmed?(what, word)
        return true unless interactive?

        @out.print("#{what}\nType #{word} to go on: ")
        @input.gets.to_s.strip == word
      end

      private

      # @return [Array<String>] cells of the same width
      def aligned(column)
        width = column.map { |cell| cell.to_s.size }.max
        numbers = column.size > 1 && column.drop(1).all? { |cell| cell.nil? || cell.is_a?(Numeric) }
        column.map { |cell| numbers ? cell.to_s.rjust(width) : cell.to_s.ljust(width) }
      end

      def colours? = @out.tty? && ENV["NO_COLOR"].to_s.empty?
    end
  end
end
