# frozen_string_literal: true

require "psych"

module Karafka
  module Cli
    module Migration
      # The keys of a configuration file in YAML, with their lines. ERB in it is not run, and the document is not made into objects.
      class SettingsFile
        # `<%= … %>` stands for a value, the rest for nothing. Lines stay where they are.
        ERB = /<%(=?)(.*?)%>/m
        KEY = /\A(\s*)(?:- +)?([A-Za-z_][\w.]*):(?: |$)/
        private_constant :ERB, :KEY

        # @return [String, nil] why only lines that look like keys were found
        attr_reader :problem

        # @param text [String]
        def initialize(text)
          @text = text.gsub(ERB) { "#{"erb" if Regexp.last_match(1) == "="}#{"\n" * Regexp.last_match(2).count("\n")}" }
        end

        # @yieldparam path [Array<String>] keys from the top; numbers of lists are left out
        # @yieldparam line [Integer]
        # @yieldparam value [Object, nil] a text or a number; nil: it is a section, or not known
        # @return [void]
        def each(&)
          document = Psych.parse(@text)
          walk(document.root, [], &) if document
        rescue Psych::SyntaxError, SystemStackError => e
          @problem = "it is no YAML once its ERB is left out (#{e.message.to_s.lines.first.to_s.strip}), so only its keys were looked for"
          lines(&)
        end

        private

        def walk(node, path, &)
          case node
          when Psych::Nodes::Mapping
            node.children.each_slice(2) do |key, value|
              next unless key.is_a?(Psych::Nodes::Scalar)

              yield [*path, key.value], key.start_line + 1, scalar(value)
              walk(value, [*path, key.value], &)
            end
          when Psych::Nodes::Sequence then node.children.each { |child| walk(child, path, &) }
          end
        end

        def scalar(node)
          return unless node.is_a?(Psych::Nodes::Scalar) && node.value != "erb"

          node.quoted ? node.value : Integer(node.value, 10, exception: false) || node.value
        end

        # By their indentation alone.
        def lines
          above = []
          @text.each_line.with_index(1) do |line, number|
            found = line.match(KEY) or next
            above.pop while above.any? && above.last[0] >= found[1].size
            above << [found[1].size, found[2]]
            yield above.map(&:last), number, nil
          end
        end
      end
    end
  end
end
