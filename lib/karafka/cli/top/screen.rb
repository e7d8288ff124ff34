# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # What is shown, as lines of text: verdicts first, then one table. Every line fits the width, and all of them the height.
      class Screen
        # Verdicts have at most this part of the height, so that a table is left.
        PART = 0.4
        SEPARATOR = "  "
        WORDS = { problem: "PROBLEM", unreachable: "NO ANSWER", warning: "warning", note: "note" }.freeze
        COLOURS = { problem: :red, unreachable: :red, warning: :yellow }.freeze
        HELP = "g groups  t topics  p partitions  w workers  e errors  b rebalances  s/S sort  r reverse  / filter  space hold  q quit"
        private_constant :PART, :SEPARATOR, :WORDS, :COLOURS, :HELP

        # @param readings [Array<Reading>]
        # @param verdicts [Array<Verdict>]
        # @param terminal [Terminal] for colours
        def initialize(readings, verdicts, terminal)
          @readings = readings
          @verdicts = verdicts
          @terminal = terminal
        end

        # For a terminal.
        # @param width [Integer] characters
        # @param height [Integer] lines
        # @param browser [Browser] what a person has chosen
        # @return [Array<String>] at most `height` lines
        def draw(width, height, browser)
          top = [fit(head, width), *verdict_lines(width, most: [(height * PART).floor, 1].max)]
          lines = [*top, *list(width, [height - top.size - 3, 0].max, browser)].first([height - 1, 0].max)
          lines << "" while lines.size < height - 1
          [*lines, fit(browser.prompt || HELP, width)].first(height)
        end

        # All of it, for a file or a person who reads once.
        # @return [Array<String>]
        def text
          lines = [head, *verdict_lines(nil)]
          [Views::GROUPS, Views::TOPICS].each do |view|
            rows = view.arrange(view.rows(@readings, @verdicts))
            lines.push("", *table(view, rows)) if rows.any?
          end
          lines
        end

        private

        def head
          memory = Figures.sum(@readings.filter_map(&:state).map { |state| state["process"]["resident_bytes"] })
          answering = @readings.count(&:look)
          ["karafka: #{found(answering)}",
           "#{answering} of #{@readings.size} #{@readings.size == 1 ? "process answers" : "processes answer"}",
           "memory #{Format.bytes(memory)}"].join(", ")
        end

        # Those that do not answer may have problems.
        def found(answering)
          problems = @verdicts.count(&:problem?)
          return Format.some(problems, "problem") if problems.positive?
          return "nothing is known" if answering.zero?

          answering == @readings.size ? "no problem" : "no problem found"
        end

        def verdict_lines(width, most: nil)
          lines = @verdicts.flat_map { |verdict| lines_of(verdict, width) }
          return lines if most.nil? || lines.size <= most

          hidden = @verdicts.size
          shown = []
          @verdicts.each do |verdict|
            own = lines_of(verdict, width)
            break if shown.size + own.size > most - 1

            shown.concat(own)
            hidden -= 1
          end
          shown << fit("#{shown.empty? ? "" : "and "}#{hidden} more: a larger terminal, or --once, shows all", width)
        end

        def lines_of(verdict, width)
          word = WORDS.fetch(verdict.severity).ljust(9)
          text = Format.clean("#{verdict}#{" [#{verdict.process}]" if verdict.process && verdict.severity != :unreachable}")
          colour = COLOURS[verdict.severity]
          first = fit("#{word} #{text}", width)
          first = @terminal.paint(first, colour) if colour
          verdict.next_step ? [first, fit("          -> #{Format.clean(verdict.next_step)}", width)] : [first]
        end

        # The table that is chosen, as much of it as there is room for.
        def list(width, room, browser)
          rows = browser.rows(@readings, @verdicts)
          first = browser.first_of(rows.size, room)
          mark = { browser.column => browser.ascending? ? "^" : "v" }
          [title(browser, rows.size, first, room), *table(browser.view, rows[first, room], mark)].map { |line| fit(line, width) }
        end

        def title(browser, size, first, room)
          shown = room.positive? && size > room ? ", #{Format.count(first + 1)} to #{Format.count([first + room, size].min)}" : ""
          filter = browser.filter.empty? ? "" : ", with \"#{Format.clean(browser.filter)}\""
          held = browser.held? ? ", HELD: space goes on" : ""
          "#{browser.view.name} (#{Format.count(size)}#{shown}#{filter})#{held}"
        end

        # @param mark [Hash{Integer=>String}] what stands behind the heading of a column
        def table(view, rows, mark = {})
          heading = view.columns.each_with_index.map { |column, index| "#{column.title}#{mark[index]}" }
          cells = rows.map { |row| view.columns.zip(row).map { |column, value| column.text(value) } }
          columns = [heading, *cells].transpose.zip(view.columns).map { |texts, column| aligned(texts, column) }
          columns.transpose.map { |line| line.join(SEPARATOR).rstrip }
        end

        def aligned(texts, column)
          width = texts.map(&:size).max
          texts.map { |text| column.right? ? text.rjust(width) : text.ljust(width) }
        end

        def fit(line, width)
          return line if width.nil? || line.size <= width

          width > 1 ? "#{line[0, width - 1]}…" : line[0, width]
        end
      end
    end
  end
end
