# frozen_string_literal: true

module Karafka
  module Cli
    module Migration
      # Collects findings; equal ones of one file become one with several lines.
      class Findings
        # @param bundle [Bundle]
        def initialize(bundle)
          @bundle = bundle
          @all = {}
        end

        # @param file [String]
        # @param line [Integer, nil]
        # @param library [Knowledge::Library]
        # @param subject [String]
        # @param entry [Knowledge::Entry]
        # @return [void]
        def add(file, line, library, subject, entry)
          self << Finding.new(file: file, lines: [*line], verdict: entry.verdict, library: library.name, subject: subject, text: entry.text,
                              page: @bundle.page(library))
        end

        # @param finding [Finding]
        # @return [void]
        def <<(finding)
          before = @all[finding.identity] and return before.lines |= finding.lines

          @all[finding.identity] = finding
        end

        # @return [Array<Finding>] by file and line
        def to_a
          @all.each_value { |finding| finding.lines.sort! }
          @all.values.sort_by { |finding| [finding.file.count("/"), finding.file, finding.lines.first || 0, finding.subject] }
        end
      end
    end
  end
end
