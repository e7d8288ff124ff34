# frozen_string_literal: true

# Stands in for the extension until it is there: the two questions that settings ask of librdkafka.
unless File.exist?(File.expand_path("../../lib/karafka_rs/karafka_rs.so", __dir__))
  Karafka.send(:remove_const, :Native) if Karafka.autoload?(:Native)
  module Karafka
    module Native
      PROPERTIES = {
        "bootstrap.servers" => "*", "client.id" => "*", "security.protocol" => "*", "ssl.ca.location" => "*", "ssl.ca.pem" => "*",
        "ssl.key.pem" => "*", "ssl.key.password" => "*", "ssl.certificate.pem" => "*", "ssl.endpoint.identification.algorithm" => "*",
        "sasl.mechanisms" => "*", "sasl.username" => "*", "sasl.password" => "*", "sasl.kerberos.principal" => "*",
        "sasl.kerberos.keytab" => "*", "debug" => "*", "socket.timeout.ms" => "*", "socket.connection.setup.timeout.ms" => "*",
        "statistics.interval.ms" => "*", "reconnect.backoff.max.ms" => "*", "session.timeout.ms" => "C", "group.instance.id" => "C",
        "heartbeat.interval.ms" => "C", "max.poll.interval.ms" => "C", "auto.commit.interval.ms" => "C", "auto.offset.reset" => "C",
        "fetch.wait.max.ms" => "C", "fetch.min.bytes" => "C", "fetch.max.bytes" => "C", "max.partition.fetch.bytes" => "C",
        "fetch.queue.backoff.ms" => "C", "queued.max.messages.kbytes" => "C", "enable.partition.eof" => "C", "group.id" => "C",
        "partition.assignment.strategy" => "C", "enable.auto.commit" => "C", "enable.auto.offset.store" => "C",
        "acks" => "P", "linger.ms" => "P", "compression.codec" => "P", "request.required.acks" => "P"
      }.freeze

      def self.librdkafka_version = "0.0.0-fake"
      def self.kafka_properties = PROPERTIES

      def self.check_kafka_settings(settings, _role)
        settings.filter_map do |key, value|
          next [key, "No such configuration property: \"#{key}\""] unless PROPERTIES.key?(key)

          [key, "Invalid value \"#{value}\" for configuration property \"#{key}\""] if key.end_with?(".ms") && !value.match?(/\A\d+\z/)
        end
      end
    end
  end
end
