# frozen_string_literal: true

module Racecar
  # A configuration as settings of librdkafka.
  module KafkaSettings
    # @return [Hash{String=>Object}] of the process's consumer
    def consumer_kafka
      common.merge(
        {
          "auto.commit.interval.ms" => milliseconds(offset_commit_interval), "session.timeout.ms" => milliseconds(session_timeout),
          "heartbeat.interval.ms" => milliseconds(heartbeat_interval), "max.poll.interval.ms" => milliseconds(max_poll_interval),
          "queued.min.messages" => min_message_queue_size, "fetch.max.bytes" => max_bytes,
          "partition.assignment.strategy" => partition_assignment_strategy
        }.compact, rdkafka_consumer
      )
    end

    # @return [Hash{String=>Object}] of its producer
    def producer_kafka
      common.merge(
        {
          "message.timeout.ms" => milliseconds(message_timeout), "partitioner" => partitioner,
          "compression.codec" => producer_compression_codec
        }.compact, rdkafka_producer
      )
    end

    # @return [Hash{String=>String}] what `consumer` lists as "name=value"
    def rdkafka_consumer = pairs(:consumer)

    # @return [Hash{String=>String}] what `producer` lists as "name=value"
    def rdkafka_producer = pairs(:producer)

    private

    def common
      settings = { "bootstrap.servers" => brokers.join(","), "client.id" => client_id,
                   "socket.timeout.ms" => milliseconds(socket_timeout), "statistics.interval.ms" => statistics_interval_ms }
      Settings::SECURITY.each { |name| settings[name.to_s.tr("_", ".")] = public_send(name) }
      settings["ssl.endpoint.identification.algorithm"] = "none" unless ssl_verify_hostname
      settings.compact
    end

    def milliseconds(seconds)
      seconds && (seconds * 1_000).to_i
    end

    def pairs(name)
      public_send(name).to_h do |pair|
        key, value = pair.split("=", 2)
        raise KingKonf::ConfigError, "#{name}: #{pair.inspect} is not of the form name=value" if value.nil?

        [key.strip, value.strip]
      end
    end
  end
end
