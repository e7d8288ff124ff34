# frozen_string_literal: true

module WaterDrop
  class Config
    # What follows a fatal error: librdkafka's client takes nothing any more and is replaced by a new one. What it still had
    # is reported as failed. Transactional producers have settings of their own.
    module Recovery
      # Infinity and NaN are no times: nothing can wait for them. 31 years are enough.
      MILLISECONDS = ->(value) { value.is_a?(Numeric) && value.real? && (0..(10**12)).cover?(value) }
      TIME = ["a number of milliseconds, 0 or more", MILLISECONDS].freeze
      # name => [default, what it must be, check]
      SETTINGS = begin
        flag = ["true or false", ->(value) { [true, false].include?(value) }]
        times = ["an Integer above 0", ->(value) { value.is_a?(Integer) && value.positive? }]
        {
          reload_on_idempotent_fatal_error: [true, *flag],
          wait_backoff_on_idempotent_fatal_error: [5_000, *TIME],
          max_attempts_on_idempotent_fatal_error: [5, *times],
          reload_on_transaction_fatal_error: [true, *flag],
          wait_backoff_on_transaction_fatal_error: [1_000, *TIME],
          max_attempts_on_transaction_fatal_error: [10, *times],
          wait_backoff_on_transaction_command: [100, *TIME],
          max_attempts_on_transaction_command: [600, *times],
          non_reloadable_errors: [%i[fenced].freeze, "an Array of librdkafka's names of errors, such as :fenced",
                                  ->(value) { value.is_a?(Array) && value.all? { |code| code.respond_to?(:to_sym) } }]
        }.freeze
      end

      # @return [Boolean] replace the client after a fatal error of an idempotent producer. WaterDrop's default is false
      attr_accessor :reload_on_idempotent_fatal_error
      # @return [Numeric] before each attempt but the first, ms
      attr_accessor :wait_backoff_on_idempotent_fatal_error
      # @return [Integer] how often in a row, with no message delivered in between
      attr_accessor :max_attempts_on_idempotent_fatal_error
      # @return [Boolean] as above, of a transactional producer
      attr_accessor :reload_on_transaction_fatal_error
      # @return [Numeric] ms
      attr_accessor :wait_backoff_on_transaction_fatal_error
      # @return [Integer]
      attr_accessor :max_attempts_on_transaction_fatal_error
      # @return [Array<Symbol>] fatal errors after which the producer stays as it is. After fencing it always does
      attr_accessor :non_reloadable_errors

      # @return [Numeric] before a step of a transaction that the broker asks to repeat is repeated, ms
      attr_accessor :wait_backoff_on_transaction_command
      # @return [Integer] how often; within max_wait_timeout
      attr_accessor :max_attempts_on_transaction_command

      # @return [Hash, nil] what {Karafka::Native::Producer} takes as `reload`; nil: never. A transactional producer makes
      #   its new clients itself, since a transaction is lost with the old one
      def native_reload
        return if kafka.key?(:"transactional.id") || !reload_on_idempotent_fatal_error

        { attempts: max_attempts_on_idempotent_fatal_error, except: non_reloadable_errors.map(&:to_s),
          backoff_ms: wait_backoff_on_idempotent_fatal_error.ceil }
      end

      # @return [Integer] after so long a broker gives a transaction up, ms
      def transaction_timeout_ms
        Integer(kafka[:"transaction.timeout.ms"] || 60_000)
      end

      # @param error [Errors::TransactionError]
      # @return [Boolean] whether a new client may follow it
      def renew_after?(error)
        return false if error.fenced? || non_reloadable_errors.map(&:to_sym).include?(error.code)

        error.kind != :fatal || reload_on_transaction_fatal_error
      end

      private

      def default_recovery
        SETTINGS.each { |name, (default, *)| public_send(:"#{name}=", default) }
      end
    end
  end
end
