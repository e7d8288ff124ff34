# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka broker`: librdkafka's mock cluster, in this process. It forgets everything when it ends.
    class BrokerCommand
      # The most partitions a topic of a development broker may have.
      MOST_PARTITIONS = 1_000
      private_constant :MOST_PARTITIONS

      # @param options [Hash{String=>Object}]
      # @param out [IO]
      def initialize(options, out: $stdout)
        @options = options
        @out = out
      end

      # @return [Integer] exit status, once INT or TERM came
      # @raise [Errors::CommandError]
      def call
        topics = parse_topics
        broker = Librdkafka.mock_broker(brokers)
        topics.each { |name, partitions| broker.create_topic(name, partitions) }
        BuiltInBroker.announced(broker.bootstrap_servers) do
          announce(broker.bootstrap_servers, topics)
          wait
        end
        broker.close
        OK
      end

      private

      def brokers
        count = @options.fetch("brokers", 1)
        return count if count.is_a?(Integer) && count.between?(1, 10)

        raise Errors::CommandError, "--brokers is #{count}, but must be 1 to 10."
      end

      def parse_topics
        Array(@options["topics"]).flat_map { |value| value.empty? ? [value] : value.split(",", -1) }.map(&:strip).to_h do |entry|
          name, partitions = entry.split(":", 2)
          count = Integer(partitions || "1", 10, exception: false)
          unless name && count&.between?(1, MOST_PARTITIONS)
            raise Errors::CommandError, "--topics #{entry.empty? ? "has an empty name" : entry}: write NAME or NAME:PARTITIONS, " \
                                        "with 1 to #{MOST_PARTITIONS} partitions, such as orders:4"
          end

          [Setup::Types::NAME.check("--topics", name), count]
        end
      end

      def announce(address, topics)
        @out.puts("Kafka for development is up: #{address}")
        topics.each { |name, partitions| @out.puts("  topic #{name}, #{Amount.of(partitions, "partition")}") }
        @out.puts("  config.kafka = { \"bootstrap.servers\": \"#{address}\" }")
        @out.puts("It keeps at most 5 MB a partition, in memory only. Ctrl-C ends it.")
        @out.flush
        write_address(address)
      end

      # Written whole, since others wait for the file to appear.
      def write_address(address)
        path = @options["address_file"]
        return unless path

        File.write("#{path}.part", "#{address}\n")
        File.rename("#{path}.part", path)
      rescue SystemCallError => e
        raise Errors::CommandError, "cannot write the address file: #{e.message}"
      end

      # INT and TERM arrive here as exceptions, since nothing traps them.
      def wait
        sleep
      rescue SignalException
        @out.puts("Kafka for development ends.")
      end
    end
  end
end
