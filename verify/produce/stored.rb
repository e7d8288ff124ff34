# frozen_string_literal: true

module Produce
  # What is in the topic, read by another client than ours: Kafka's own.
  class Stored
    LINE = /^Partition:(\d+)\s+Offset:(\d+)\s+(\S+)$/
    private_constant :LINE

    # @return [Integer] messages
    attr_reader :count

    def initialize(cluster, topic)
      @cluster = cluster
      @topic = topic
      @places = Hash.new { |hash, key| hash[key] = Hash.new { |all, sequence| all[sequence] = [] } }
      wanted = cluster.watermarks(topic).values.sum(&:last)
      @count = IO.popen([*command(wanted), { err: File::NULL }]) { |output| output.each_line.count { |line| note(line) } }
      raise "#{@count} of #{wanted} messages were read" unless @count == wanted
    end

    # @return [Hash{Integer=>Array<Integer>}] places of each message, by its number
    def of(key)
      @places.fetch(key, {})
    end

    private

    def command(wanted)
      [KafkaNode.java, "-Xmx512m", "-cp", KafkaLibraries.class_path, "org.apache.kafka.tools.consumer.ConsoleConsumer",
       "--bootstrap-server", @cluster.bootstrap_servers, "--topic", @topic, "--from-beginning", "--max-messages", wanted.to_s,
       "--timeout-ms", "60000", "--property", "print.partition=true", "--property", "print.offset=true"]
    end

    def note(line)
      captures = line.match(LINE)&.captures or return false
      partition, offset, payload = captures
      key, sequence = payload.split(":")
      @places[key][Integer(sequence)] << ((Integer(partition) << 48) | Integer(offset))
    end
  end
end
