# frozen_string_literal: true

module WaterDrop
  class Config
    # What each setting may be. Those of librdkafka, in `kafka`, have a contract of their own.
    module Types
      Type = Karafka::Setup::Type
      private_constant :Type

      BOOLEAN = Karafka::Setup::Types::BOOLEAN
      # Infinity and NaN are no times: nothing can wait for them. 31 years are enough.
      MILLISECONDS = Type.new("a number of milliseconds, 0 or more") do |value|
        value.is_a?(Numeric) && value.real? && (0..(10**12)).cover?(value)
      end
      # More than there is memory for, and what the engine can hold.
      MOST = 2**62
      COUNT = Type.new("an Integer above 0, at most 2**62") { |value| value.is_a?(Integer) && value.between?(1, MOST) }
      BYTES = Type.new("an Integer above 0 (bytes), at most 2**62") { |value| COUNT.allowed?(value) }
      AGE = Type.new("a number of milliseconds above 0") { |value| MILLISECONDS.allowed?(value) && value.positive? }
      IDLE = Type.new("0 (never) or a number of milliseconds, 30_000 or more") do |value|
        MILLISECONDS.allowed?(value) && (value.zero? || value >= 30_000)
      end
      ID = Type.new("a String") { |value| value.is_a?(String) && !value.empty? }
      CLIENT_CLASS = Type.new("nil, WaterDrop::Clients::Rdkafka, Dummy or Buffered") do |value|
        value.nil? || (value.is_a?(Class) && [Client, Clients::Dummy].any? { |known| value <= known })
      end
      REFUSED_BATCH = Type.new(":resend or :fail") { |value| %i[resend fail].include?(value) }
      LOGGER = Type.new("a Logger (answers to info, warn and error)") do |value|
        %i[info warn error].all? { |name| value.respond_to?(name) }
      end
      MONITOR = Type.new("a monitor (answers to subscribe and instrument)") do |value|
        %i[subscribe instrument].all? { |name| value.respond_to?(name) }
      end
      MIDDLEWARE = Type.new("a WaterDrop::Middleware (answers to run)") { |value| value.respond_to?(:run) }
      ERROR_NAMES = Type.new("an Array of librdkafka's names of errors, such as :fenced") do |value|
        value.is_a?(Array) && value.all? { |code| code.respond_to?(:to_sym) }
      end

      # By name, in the order of `Config#to_h`.
      ALL = {
        id: ID,
        deliver: BOOLEAN,
        raise_on_failure: BOOLEAN,
        client_class: CLIENT_CLASS,
        max_payload_size: BYTES,
        max_wait_timeout: MILLISECONDS,
        wait_on_queue_full: BOOLEAN,
        wait_timeout_on_queue_full: MILLISECONDS,
        instrument_on_wait_queue_full: BOOLEAN,
        drop_on_queue_full: BOOLEAN,
        on_refused_batch: REFUSED_BATCH,
        idle_disconnect_timeout: IDLE,
        buffer_max_messages: Karafka::Setup::Types.optional(COUNT),
        buffer_max_bytes: Karafka::Setup::Types.optional(BYTES),
        buffer_max_time: Karafka::Setup::Types.optional(AGE),
        logger: LOGGER,
        monitor: MONITOR,
        middleware: MIDDLEWARE,
        reload_on_idempotent_fatal_error: BOOLEAN,
        wait_backoff_on_idempotent_fatal_error: MILLISECONDS,
        max_attempts_on_idempotent_fatal_error: COUNT,
        reload_on_transaction_fatal_error: BOOLEAN,
        wait_backoff_on_transaction_fatal_error: MILLISECONDS,
        max_attempts_on_transaction_fatal_error: COUNT,
        wait_backoff_on_transaction_command: MILLISECONDS,
        max_attempts_on_transaction_command: COUNT,
        wait_timeout_on_transaction_abort: MILLISECONDS,
        non_reloadable_errors: ERROR_NAMES
      }.freeze
    end
  end
end
