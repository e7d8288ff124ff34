# frozen_string_literal: true

require "zlib"

# The flights that ship with the examples (see examples/data/README.md).
module Rows
  FILE = File.expand_path("../data/flights.csv.gz", __dir__)
  WORDS = %w[carrier tailnum origin dest time_hour].freeze

  class << self
    # Hashes as they go to Kafka: numbers are numbers, what is missing is nil. No field of this file is quoted.
    def each
      Zlib::GzipReader.open(FILE) do |file|
        names = file.gets.chomp.split(",")
        file.each_line { |line| yield names.zip(line.chomp.split(",", -1)).to_h { |name, text| [name, value(name, text)] } }
      end
    end

    def value(name, text)
      return if text.empty?

      WORDS.include?(name) ? text : Integer(text, 10)
    end

    # The table that the application has to come to, computed without Kafka.
    def expected
      sums = Hash.new { |all, key| all[key] = [0, 0, 0] }
      each do |row|
        sum = sums[row.values_at("origin", "carrier")]
        sum[0] += 1
        sum[1] += 1 if row["arr_delay"]
        sum[2] += row["arr_delay"].to_i
      end
      sums
    end
  end
end
