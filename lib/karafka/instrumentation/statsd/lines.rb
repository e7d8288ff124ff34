# frozen_string_literal: true

module Karafka
  module Instrumentation
    class Statsd
      # What an agent reads: a line for each metric. What is made of frozen names and lists of tags is kept: they come again.
      # @api private
      class Lines
        # Not a part of a name or a tag: they end one.
        RESERVED = /[|:@#,\r\n]/
        # Of names and of lists of tags that are kept.
        MOST_KEPT = 10_000
        private_constant :MOST_KEPT

        def initialize
          @names = {}.compare_by_identity
          @tags = {}.compare_by_identity
        end

        # @param name [#to_s]
        # @param value [Numeric]
        # @param type [String] c, g, ms, h or d
        # @param tags [Array<#to_s>]
        # @return [String]
        def line(name, value, type, tags)
          "#{cleaned(name)}:#{text(value)}|#{type}#{suffix(tags)}"
        end

        # @param metrics [Array<Array(#to_s, String, Integer)>] names, types, and digits behind the point
        # @param tags [Array<#to_s>]
        # @return [String, nil] lines of all of them, for `format` with the values; nil: lines depend on their values
        def form(metrics, tags)
          behind = suffix(tags).to_s.gsub("%", "%%")
          metrics.map do |name, type, digits|
            "#{cleaned(name).gsub("%", "%%")}:#{digits.zero? ? "%d" : "%.#{digits}f"}|#{type}#{behind}"
          end.join("\n")
        end

        private

        # Three digits are enough of a millisecond, and of anything else that is measured.
        def text(value)
          value.is_a?(Float) ? value.round(3) : value
        end

        def cleaned(name)
          @names[name] || keep(@names, name, name.to_s.gsub(RESERVED, "_"))
        end

        def suffix(tags)
          return if tags.empty?

          @tags[tags] || keep(@tags, tags, "|##{tags.map { |tag| tag.to_s.gsub(/[|,\r\n]/, "_") }.join(",")}")
        end

        def keep(kept, key, made)
          return made unless key.frozen?

          kept.clear if kept.size >= MOST_KEPT
          kept[key] = made
        end

        # For agents without tags: their values become parts of the name.
        class Untagged < self
          # Their types of what is measured.
          TYPES = { "h" => "ms", "d" => "ms" }.freeze
          private_constant :TYPES

          def line(name, value, type, tags)
            name = "#{cleaned(name)}#{suffix(tags)}"
            # Plain StatsD takes a sign for a change.
            zero = "#{name}:0|g\n" if type == "g" && value.negative?
            "#{zero}#{name}:#{text(value)}|#{TYPES.fetch(type, type)}"
          end

          def form(_metrics, _tags) = nil

          private

          def suffix(tags)
            @tags[tags] || keep(@tags, tags, tags.map { |tag| ".#{part(tag)}" }.join)
          end

          def part(tag)
            tag.to_s.split(":", 2).last.to_s.gsub(/[^\w-]/, "_")
          end
        end
      end
    end
  end
end
