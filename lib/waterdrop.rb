# frozen_string_literal: true

# The producer of karafka-rs. Loads without the rest of Karafka, starts no thread and opens no connection.
# By path: Karafka's own loader, where it is active, sees these requires too.
%w[
  version errors clock compat/rdkafka native setup compat/kafka_names compat/kafka_security setup/broker_list setup/kafka_settings
  process instrumentation/events instrumentation/event instrumentation/notifications instrumentation/monitor
  instrumentation/changes
].each { |file| require File.join(__dir__, "karafka", "#{file}.rb") }

# Producing to Kafka, with WaterDrop's names.
#
# @example
#   producer = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": "localhost:9092" } }
#   producer.produce_sync(topic: "orders", key: "42", payload: "{}")
#   producer.close
module WaterDrop
  # The global producer of the old interface; see {setup}.
  @default_producer = nil

  class << self
    # The old way (WaterDrop 0.x and 1.x): one global producer, used by {SyncProducer}, {AsyncProducer} and {Message}.
    # @yieldparam config [Config]
    # @return [Producer]
    # @raise [Errors::ConfigurationInvalidError]
    def setup(&)
      @default_producer = Producer.new(&)
    end

    # @return [Producer] what {setup} made, else Karafka's producer
    # @raise [Errors::ProducerNotConfiguredError] neither is there
    def producer
      @default_producer || (Karafka.respond_to?(:producer) && Karafka.producer) ||
        raise(Errors::ProducerNotConfiguredError, "there is no producer: call WaterDrop.setup { |config| config.kafka = … } first")
    end
  end
end

%w[
  errors config wait_time middleware instrumentation/monitor instrumentation/global instrumentation/logger_listener
  delivery_report failure_text delivery_handle acknowledgement guard client/transactions client/events client/event_loop
  client transaction clients/fake_delivery clients/places clients/transactions clients/dummy clients/buffered clients
  buffer_timer turn open_producers producer/transactions producer/sync producer/async producer/buffer producer/tombstone
  producer/closing producer/connection producer/variants producer/tagging producer/not_yet producer lane variant
  connection_pool/producing connection_pool sync_producer async_producer message
].each { |file| require_relative "waterdrop/#{file}" }
