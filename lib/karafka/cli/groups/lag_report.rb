# frozen_string_literal: true

require "json"

module Karafka
  module Cli
    module Groups
      # `karafka groups lag`: how far groups are behind, in messages and in seconds, and whether that grows.
      class LagReport
        HEADING = ["group", "topic", "partitions", "lag", "seconds", "a second"].freeze
        # Partitions whose next message is looked at for its age: one look-up each, the furthest behind first.
        MOST_AGES = 50
        # Lag that fell by less than a message a second has no end that could be said.
        SLOWEST = 1
        private_constant :HEADING, :MOST_AGES, :SLOWEST

        include OnCluster

        # @param name [String, nil] nil: the groups of the routes
        # @return [Integer] exit status
        def call(name = nil)
          watch = Numbers.seconds(@options, :watch)
          before = nil
          loop do
            now = Clock.now_ms
            lags = read(name)
            show(lags, before && [before[0], (now - before[1]) / 1_000.0])
            return OK if watch.nil? || @terminal.closed?

            before = [totals(lags), now]
            sleep(watch)
          end
        rescue Interrupt
          raise unless watch

          # Ctrl-C is the way out.
          OK
        end

        private

        # @return [Hash{String=>Hash{String=>Hash{Integer=>Hash}}}] group, topic, partition: :offset, :lag
        def read(name)
          wanted = name ? { name => Array(@options[:topic]) } : {}
          lags = admin.read_lags_with_offsets(wanted)
          if lags.values.all?(&:empty?)
            raise Errors::CommandError, name ? "group #{name} has committed nothing" : "the routes have no topics: name a group"
          end

          # Where no topic was named, those of its partitions are missing in which the group has committed nothing.
          name && wanted[name].empty? ? admin.read_lags_with_offsets({ name => lags.fetch(name).keys }) : lags
        end

        def totals(lags)
          lags.flat_map { |group, topics| topics.map { |topic, partitions| [[group, topic], total(partitions)] } }.to_h
        end

        # A partition without a commit has no lag yet: where the group begins there, only its members know.
        def total(partitions) = partitions.values.sum { |row| [row[:lag], 0].max }

        def show(lags, before)
          uncommitted = Uncommitted.new(lags, admin)
          rows = rows_of(lags, before)
          return @terminal.say(JSON.generate(lags: rows.map { |row| row.merge(uncommitted: uncommitted.count(row)) })) if @options[:json]

          @terminal.table(HEADING, rows.map(&:values))
          rows.each { |row| @terminal.say("#{row[:topic]}: caught up in about #{left(row)} s") if left(row) }
          rows.filter_map { |row| uncommitted.line(row) }.each { |line| @terminal.say(line) }
        end

        def rows_of(lags, before)
          lags.flat_map do |group, topics|
            topics.map do |topic, partitions|
              lag = total(partitions)
              { group: group, topic: topic, partitions: partitions.size, lag: lag, seconds: age(topic, partitions),
                a_second: before && ((lag - before[0].fetch([group, topic], lag)) / before[1]).round(1) }
            end
          end
        end

        def left(row)
          rate = row[:a_second]
          (row[:lag] / -rate).ceil if rate && rate <= -SLOWEST && row[:lag].positive?
        end

        # How old the oldest message is that the group has not processed.
        # @return [Integer, nil] seconds; nil: there is none, or it is gone
        def age(topic, partitions)
          behind = partitions.select { |_, row| row[:lag].positive? && !row[:offset].negative? }
          furthest = behind.sort_by { |_, row| -row[:lag] }.first(MOST_AGES)
          times = furthest.filter_map { |number, row| admin.read_topic(topic, number, 1, row[:offset]).first&.timestamp }
          times.empty? ? nil : [(Time.now - times.min).round, 0].max
        end
      end
    end
  end
end
