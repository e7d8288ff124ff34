# frozen_string_literal: true

require "pathname"

# The producer of karafka-rs. Loads without the rest of Karafka, starts no thread and opens no connection.
# By path: Karafka's own loader, where it is active, sees these requires too.
%w[
  version base/errors base/clock base/text base/amount base/name_list base/trap_context base/lock base/lasting_thread
  compat/rdkafka compat/contract_result kafka/extension kafka/native kafka/librdkafka setup setup/secret setup/masked
  setup/type setup/types setup/instance_id setup/broker_list setup/kafka_contract compat/kafka_names
  compat/kafka_security setup/kafka_settings oauth/bearer oauth/tokens oauth/listeners oauth/settings base/process
  instrumentation/events instrumentation/event instrumentation/notifications instrumentation/monitor
  instrumentation/safely instrumentation/changes kafka/diagnosis kafka/diagnosis/connections kafka/diagnosis/rights
  kafka/diagnosis/groups kafka/diagnosis/repeats kafka/diagnosis/reports kafka/error_counts instrumentation/tracing
  compat/names/core
].each { |file| require File.join(__dir__, "karafka", "#{file}.rb") }

# Producing to Kafka, with WaterDrop's names.
#
# @example
#   producer = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": "localhost:9092" } }
#   producer.produce_sync(topic: "orders", key: "42", payload: "{}")
#   producer.close
module WaterDrop
  # The version of this gem.
  VERSION = Karafka::VERSION

  Lock = Karafka::Lock
  private_constant :Lock

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
        raise(Errors::ProducerNotConfiguredError, "there is no producer: call WaterDrop.setup { |config| config.kafka = … } first." \
                                                  "#{" #{Karafka::BootFile.absence}" if Karafka.respond_to?(:producer)}")
    end

    # @return [ConnectionPool, nil] what {ConnectionPool.setup} made
    def pool
      ConnectionPool.default_pool
    end

    # @see ConnectionPool.with
    def with(&)
      ConnectionPool.with(&)
    end

    # @see ConnectionPool.transaction
    def transaction(&)
      ConnectionPool.transaction(&)
    end

    # @return [Pathname] directory of this gem
    def gem_root
      Pathname.new(File.expand_path("..", __dir__))
    end
  end
end

%w[
  errors config wait_time scheduled_wait middleware instrumentation/monitor instrumentation/global instrumentation/logger_listener
  delivery_report failure_text delivery_handle acknowledgement guard snapshot database_transaction client/transactions client/events
  client/statistics_loop client/event_loop
  client transaction clients/fake_delivery clients/places clients/transactions clients/dummy clients/buffered clients
  buffer_timer turn open_producers producer/transactions producer/sync producer/async producer/lines producer/after_commit
  producer/buffer producer/tombstone producer/transactional producer/renewal producer/status producer/closing producer/connection
  producer/variants producer/tagging producer/client_access producer/testing producer/not_yet producer
  lane variant connection_pool/producing connection_pool sync_producer async_producer message contracts
].each { |file| require_relative "waterdrop/#{file}" }
