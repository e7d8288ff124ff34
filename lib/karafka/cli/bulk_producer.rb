# frozen_string_literal: true

module Karafka
  module Cli
    # The producer of commands that send many messages, with the application's settings.
    module BulkProducer
      # Lines of a file wait for nobody: larger batches cost less.
      SETTINGS = { "linger.ms": 20, "batch.num.messages": 50_000 }.freeze
      private_constant :SETTINGS

      class << self
        # @param kafka [Setup::KafkaSettings]
        # @param given [Hash{Symbol=>Object}] settings of librdkafka over those of the application
        # @return [WaterDrop::Producer] it logs what keeps it from all brokers, and nothing of single messages
        def build(kafka, given = {})
          producer = made(kafka, given)
          producer.monitor.subscribe("error.occurred") do |event|
            # Errors of other types may have no code, and of several brokers one may be down.
            next unless event[:type] == "librdkafka.error" && event[:error].code == :all_brokers_down

            App.logger.warn(event[:error].message)
          end
          producer
        end

        private

        def made(kafka, given)
          tokens = App.config.oauth.token_provider_listener
          WaterDrop::Producer.new do |config|
            # Not a transactional one: its id would end the transactions of the application's own producer.
            config.kafka = SETTINGS.merge(Setup::AttributesMap.producer(kafka), given).except(:"transactional.id")
            config.logger = Logger.new(nil)
            config.oauth.token_provider_listener = tokens if tokens
            config.wait_timeout_on_queue_full = 600_000
          end
        end
      end
    end
  end
end
