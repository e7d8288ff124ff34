# frozen_string_literal: true

module DeliveryBoy
  # The settings as `Kafka.new` and its producers take them.
  # @api private
  module KafkaOptions
    CLIENT = Config::VARIABLES.keys.grep(/\A(ssl|sasl)_/) + %i[client_id connect_timeout socket_timeout resolve_seed_brokers]
    SHARED = %i[
      required_acks ack_timeout retry_backoff max_buffer_size max_buffer_bytesize compression_codec compression_threshold idempotent
    ].freeze
    SYNC = (SHARED + %i[max_retries transactional transactional_id transactional_timeout]).freeze
    ASYNC = (SHARED + %i[max_queue_size delivery_interval delivery_threshold]).freeze
    private_constant :CLIENT, :SHARED, :SYNC, :ASYNC

    module_function

    # @return [Hash{Symbol=>Object}]
    def client(config, logger) = { seed_brokers: config.brokers, logger: logger, **chosen(config, CLIENT) }

    # @return [Hash{Symbol=>Object}]
    def sync(config) = chosen(config, SYNC)

    # Messages in the background are tried until they are delivered: `max_retries` is for what somebody waits for.
    # @return [Hash{Symbol=>Object}]
    def async(config) = { **chosen(config, ASYNC), max_retries: -1 }

    def chosen(config, names) = names.to_h { |name| [name, config.public_send(name)] }.compact
  end
  private_constant :KafkaOptions
end
