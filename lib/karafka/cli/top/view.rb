# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # A table: what its columns are, and where its rows come from. Figures stay figures, so that rows can be sorted by them.
      class View
        # Heading of a column, and how its figures are written: nil for text.
        Column = Struct.new(:title, :format) do
          # @param value [Object] :none stands for "does not apply"
          # @return [String]
          def text(value)
            return "-" if value == :none
            return Format.clean(value.nil? ? Format::UNKNOWN : value) unless format

            format.call(value)
          end

          # @return [Boolean] whether figures stand at the right
          def right? = !format.nil?
        end

        # @return [Symbol]
        attr_reader :name
        # @return [Array<Column>]
        attr_reader :columns
        # @return [Integer, nil] the column that rows are sorted by first, the largest at the top; nil: as they come
        attr_reader :sorted_by

        # @param name [Symbol]
        # @param columns [Array<Array(String, #call)>]
        # @param sorted_by [Integer, nil]
        # @param rows [#call]
        def initialize(name, columns, sorted_by: nil, &rows)
          @name = name
          @columns = columns.map { |title, format| Column.new(title, format) }
          @sorted_by = sorted_by
          @rows = rows
        end

        # @param readings [Array<Reading>]
        # @param verdicts [Array<Verdict>]
        # @return [Array<Array<Object>>] with a value for each column
        def rows(readings, verdicts) = @rows.call(readings.select(&:look), verdicts)

        # Rows as they are shown.
        # @param rows [Array<Array<Object>>]
        # @param filter [String] only those with this in one of their texts
        # @param column [Integer, nil]
        # @param ascending [Boolean]
        # @return [Array<Array<Object>>]
        def arrange(rows, filter: "", column: sorted_by, ascending: false)
          rows = rows.select { |row| contains?(row, filter.downcase) } unless filter.empty?
          return rows unless column

          known, unknown = rows.partition { |row| row[column].is_a?(Numeric) || row[column].is_a?(String) }
          known = known.sort_by { |row| row[column] }
          known.reverse! unless ascending
          known + unknown
        end

        private

        def contains?(row, wanted)
          row.any? { |value| value.is_a?(String) && value.downcase.include?(wanted) }
        end
      end
    end
  end
end
