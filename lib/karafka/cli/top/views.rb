# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # The tables.
      module Views
        COUNT = Format.method(:count)
        DURATION = Format.method(:duration)
        RATE = Format.method(:rate)
        TREND = ->(value) { value ? "#{"+" if value.positive?}#{Format.rate(value)}" : Format::UNKNOWN }
        private_constant :COUNT, :DURATION, :RATE, :TREND

        PARTITIONS = View.new(
          :partitions, [["PARTITION"], ["GROUP"], ["STATE"], ["LAG", COUNT], ["BEHIND", DURATION], ["POSITION", COUNT],
                        ["COMMITTED", COUNT], ["END", COUNT], ["ATTEMPT", COUNT], ["BATCH", DURATION], ["PROCESS"]], sorted_by: 4
        ) do |readings, _|
          readings.flat_map do |reading|
            reading.look.each_partition.map do |group, topic, partition, _|
              oldest = partition["leases"].map { |lease| lease["age_ms"] }.max
              ["#{topic}/#{partition["partition"]}", group, Rows.state_of(partition),
               *partition.values_at("lag", "lag_ms", "position", "committed", "end", "attempt"), oldest || :none, reading.name]
            end
          end
        end

        WORKERS = View.new(
          :workers, [["WORKER"], ["STATE"], ["SINCE", DURATION], ["PARTITION"], ["OFFSET", COUNT], ["MESSAGES", COUNT], ["ATTEMPT", COUNT],
                     ["CONSUMER"], ["PROCESS"]], sorted_by: 2
        ) { |readings, _| readings.flat_map { |reading| Rows.workers(reading) } }

        ERRORS = View.new(:errors, [["AGO", DURATION], ["GROUP"], ["CODE"], ["WHERE"], ["MESSAGE"], ["PROCESS"]]) do |readings, _|
          Rows.newest(readings, "errors") do |group, error|
            where = [error["topic"], error["partition"]].compact.join("/")
            [group, error["code"], where.empty? ? :none : where, "#{"fatal: " if error["fatal"]}#{error["message"]}"]
          end
        end

        REBALANCES = View.new(
          :rebalances, [["AGO", DURATION], ["GROUP"], ["CAUSE"], ["PARTITIONS", COUNT], ["TOOK", DURATION], ["PROCESS"]]
        ) do |readings, _|
          Rows.newest(readings, "rebalances") { |group, one| [group, *one.values_at("cause", "partitions", "duration_ms")] }
        end

        GROUPS = View.new(
          :groups, [["GROUP"], ["STATE"], ["BEHIND", DURATION], ["LAG", COUNT], ["TREND", TREND], ["IN", RATE], ["OUT", RATE],
                    ["ETA", DURATION], ["PARTITIONS", COUNT], ["PAUSED", COUNT], ["PROCESSES", COUNT]], sorted_by: 2
        ) { |readings, verdicts| Rows.groups(readings, verdicts) }

        TOPICS = View.new(
          :topics, [["TOPIC"], ["GROUP"], ["BEHIND", DURATION], ["LAG", COUNT], ["TREND", TREND], ["IN", RATE], ["OUT", RATE],
                    ["ETA", DURATION], ["PARTITIONS", COUNT], ["PAUSED", COUNT], ["CONSUMED", COUNT], ["RETRIED", COUNT],
                    ["DEAD", COUNT]], sorted_by: 2
        ) { |readings, _| Rows.topics(readings) }

        # By the key that shows it.
        ALL = { "g" => GROUPS, "t" => TOPICS, "p" => PARTITIONS, "w" => WORKERS, "e" => ERRORS, "b" => REBALANCES }.freeze
      end
    end
  end
end
