# frozen_string_literal: true

require "json"

module Karafka
  module Cli
    module Replay
      # How far a replay has come: what a group of its own has committed. The metadata of each commit says where the range ends, so that
      # a replay that goes on later ends where it would have ended (`--to latest` and `-2h` mean something else by then), and which
      # options it was begun with.
      class Journal
        PREFIX = "karafka-replay-"
        # Where a partition's replay has come to, and where it ends.
        Entry = Struct.new(:offset, :to) do
          def open? = offset < to
        end

        # @return [String] the group in Kafka
        attr_reader :group

        # @param groups [Admin::ConsumerGroups]
        # @param name [String]
        # @param topic [String] that is read
        # @param digest [String] of the options that say what is sent where
        def initialize(groups, name, topic, digest)
          @groups = groups
          @group = PREFIX + name
          @topic = topic
          @digest = digest
        end

        # @return [Hash{Integer=>Entry}] by partition; {}: it has not begun
        # @raise [Errors::CommandError] it was begun with other options
        def read
          rows = @groups.committed_offsets(@group)
          rows.each { |row| check!(row) }
          rows.to_h { |row| [row.partition, Entry.new(row.offset, data(row)["to"])] }
        end

        # @param entries [Hash{Integer=>Entry}]
        # @return [void]
        def write(entries)
          return if entries.empty?

          @groups.commit(@group, entries.map do |partition, entry|
            metadata = JSON.generate(to: entry.to, options: @digest)
            Admin::ConsumerGroups::CommittedOffset.new(topic: @topic, partition: partition, offset: entry.offset, metadata: metadata)
          end)
        end

        # The next {#read} has nothing.
        # @return [void]
        def forget
          @groups.delete(@group)
        rescue Errors::KafkaError => e
          raise unless e.code == :group_id_not_found
        end

        private

        def check!(row)
          found = data(row)
          return if row.topic == @topic && found["to"].is_a?(Integer) && found["options"] == @digest

          raise Errors::CommandError, "#{@group} has the progress of a replay with other topics or options. Give this one another " \
                                      "--name, or forget that progress with --again"
        end

        def data(row)
          found = JSON.parse(row.metadata.to_s)
          found.is_a?(Hash) ? found : {}
        rescue JSON::ParserError
          {}
        end
      end
    end
  end
end
