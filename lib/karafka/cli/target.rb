# frozen_string_literal: true

module Karafka
  module Cli
    # Which Kafka a command talks to: that of the application in this directory, or the one that `--brokers` names. With both, the
    # application's other settings (TLS, SASL) are used with these brokers.
    module Target
      class << self
        # Loads the application where there is one.
        # @param brokers [String, nil] HOST:PORT,…
        # @return [Setup::KafkaSettings]
        # @raise [Errors::CommandError] nothing says where Kafka is
        def kafka(brokers)
          Boot.available? ? Boot.load_aside! : Boot.log_aside!
          App.config.kafka = App.config.kafka.to_h.merge("bootstrap.servers": brokers) if brokers
          return App.config.kafka unless App.config.kafka.brokers.empty?

          raise Errors::CommandError, "where is Kafka? Give --brokers HOST:PORT, or run this where karafka.rb sets \"bootstrap.servers\""
        end
      end
    end
  end
end
