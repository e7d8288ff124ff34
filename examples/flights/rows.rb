# frozen_string_literal: true

require "zlib"

# The flights that ship with the examples (see examples/data/README.md).
module Rows
  FILE = File.expand_path("../data/flights.csv.gz", __dir__)
  # Minutes; what the first stage passes on.
  LATE = 60
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

    # The two tables that the application has to come to, computed without Kafka.
    def expected
      delays = Hash.new { |all, key| all[key] = [0, 0, 0] }
      late = Hash.new { |all, key| all[key] = [0, 0, 0] }
      each do |row|
        carrier, delay = row.values_at("carrier", "arr_delay")
        sum = delays[[row["origin"], carrier]]
        sum[0] += 1
        sum[1] += 1 if delay
        sum[2] += delay.to_i
        late[carrier] = [late[carrier][0] + 1, late[carrier][1] + delay, [late[carrier][2], delay].max] if delay && delay >= LATE
      end
      [delays, late]
    end
  end
end
