# frozen_string_literal: true

module Karafka
  class Admin
    # Which part of which partitions an iterator reads.
    # @api private
    class Ranges
      EARLIEST = -2
      LATEST = -1
      FROM = ":earliest, :latest, an offset, a negative number (-100: the last 100 messages), a Time, or a Hash of these by partition"
      TO = ":latest, an offset of at least 0, a Time, nil (it goes on at the end), or a Hash of these by partition"
      private_constant :EARLIEST, :LATEST, :FROM, :TO

      # See {Iterator#initialize}.
      # @raise [Errors::InvalidConfigurationError]
      def initialize(topics, from:, to:, partitions:)
        @topics = Array(topics).map { |topic| Arguments.name("topic", topic) }.uniq
        Setup.invalid!("topics", topics, "the name of at least one topic") if @topics.empty?
        @from = by_partition(from) { |position| check_from!(position) }
        @to = by_partition(to) { |position| check_to!(position) }
        chosen = partitions || (@from.keys | @to.keys)
        @partitions = Array(chosen).map { |partition| Arguments.partition(partition) } if partitions || chosen.any?
      end

      # @param session [Connection::Session]
      # @param committed_only [Boolean]
      # @return [Array<Hash{Symbol=>Object}>] as `Native::Reader` has them
      # @raise [Errors::KafkaError]
      def places(session, committed_only:)
        chosen = chosen(session)
        rows = chosen.flat_map { |topic, partition| questions(partition).map { |position| [topic, partition, position] } }
        answers = session.ask(:list_offsets, offsets: rows, committed_only: committed_only).map { |row| row[:offset] }
        chosen.map do |topic, partition|
          low, high, *times = answers.shift(questions(partition).size)
          from = first(@from[partition], low, high, times)
          { topic: topic, partition: partition, from: from, to: last(@to[partition], high, times) }
        end
      end

      # @return [Boolean] whether it ends by itself
      def bounded?
        @to.empty? ? !@to.default.nil? : @to.each_value.none?(&:nil?)
      end

      private

      def by_partition(given, &check)
        unless given.respond_to?(:to_hash)
          check.call(given)
          return Hash.new(given)
        end
        given.to_hash.each_value(&check)
        given.to_hash.transform_keys { |partition| Arguments.partition(partition) }
      end

      def chosen(session)
        session.ask(:describe_topics, names: @topics).flat_map do |topic|
          there = topic[:partitions].map { |partition| partition[:partition_id] }
          missing = Array(@partitions) - there
          if missing.any?
            Setup.invalid!("partitions", @partitions, "partitions of the topic #{topic[:topic_name]}, which has 0 to #{there.max}")
          end
          (@partitions || there).sort.map { |partition| [topic[:topic_name], partition] }
        end
      end

      # Where the partition begins and ends, then the times.
      def questions(partition)
        times = [@from[partition], @to[partition]].select { |position| Arguments.time?(position) }
        [EARLIEST, LATEST, *times.map { |time| Arguments.milliseconds(time) }]
      end

      # Takes its time from the answers.
      def first(position, low, high, times)
        case position
        when :earliest, "earliest" then low
        when :latest, "latest" then high
        when Integer then position.negative? ? [high + position, low].max : position.clamp(low, high)
        else found(times, high)
        end
      end

      def last(position, high, times)
        case position
        when nil then nil
        when :latest, "latest" then high
        when Integer then [position, high].min
        else found(times, high)
        end
      end

      # Nothing is that young: the end.
      def found(times, high)
        offset = times.shift
        offset.negative? ? high : offset
      end

      def check_from!(position)
        return if %w[earliest latest].include?(position.to_s) || position.is_a?(Integer) || Arguments.time?(position)

        Setup.invalid!("from", position, FROM)
      end

      def check_to!(position)
        return if position.nil? || position.to_s == "latest" || Arguments.time?(position)
        return if position.is_a?(Integer) && !position.negative?

        Setup.invalid!("to", position, TO)
      end
    end
    private_constant :Ranges
  end
end
