# frozen_string_literal: true

module WaterDrop
  class Config
    # What follows a fatal error: librdkafka's client takes nothing any more and is replaced by a new one. What it still had
    # is reported as failed. Transactional producers have settings of their own.
    module Recovery
      # How long the next client waits until subscribers of `producer.reload` have returned, ms.
      HEARING_MS = 5_000
      private_constant :HEARING_MS
      DEFAULTS = {
        reload_on_idempotent_fatal_error: true,
        wait_backoff_on_idempotent_fatal_error: 5_000,
        max_attempts_on_idempotent_fatal_error: 5,
        reload_on_transaction_fatal_error: true,
        wait_backoff_on_transaction_fatal_error: 1_000,
        max_attempts_on_transaction_fatal_error: 10,
        wait_backoff_on_transaction_command: 100,
        max_attempts_on_transaction_command: 600,
        wait_timeout_on_transaction_abort: 1_000,
        non_reloadable_errors: %i[fenced].freeze
      }.freeze
      private_constant :DEFAULTS

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
      # @return [Array<Symbol>] fatal errors after which the producer stays as it is. Without `:fenced` among them a fenced
      #   transactional producer goes on where a subscriber of `producer.reload` gives it another `transactional.id`
      attr_accessor :non_reloadable_errors

      # @return [Numeric] before a step of a transaction that the broker asks to repeat is repeated, ms
      attr_accessor :wait_backoff_on_transaction_command
      # @return [Integer] how often; within max_wait_timeout
      attr_accessor :max_attempts_on_transaction_command
      # @return [Numeric] how long an abort waits for the reports of messages that are under way, ms. Where it does not wait for
      #   all of them, a new client follows
      attr_accessor :wait_timeout_on_transaction_abort

      # @return [Hash, nil] what {Karafka::Native::Producer} takes as `reload`; nil: never. A transactional producer makes
      #   its new clients itself, since a transaction is lost with the old one
      def native_reload
        return if kafka.key?(:"transactional.id") || !reload_on_idempotent_fatal_error

        { attempts: max_attempts_on_idempotent_fatal_error, except: non_reloadable_errors.map(&:to_s),
          backoff_ms: wait_backoff_on_idempotent_fatal_error.ceil, hearing_ms: HEARING_MS }
      end

      # @return [Integer] after so long a broker gives a transaction up, ms
      def transaction_timeout_ms
        Integer(kafka[:"transaction.timeout.ms"] || 60_000)
      end

      # @param error [Errors::TransactionError]
      # @return [Boolean] whether a new client may follow it
      def renew_after?(error)
        return false if non_reloadable_errors.map(&:to_sym).include?(error.fenced? ? :fenced : error.code)

        error.kind != :fatal || reload_on_transaction_fatal_error
      end

      private

      def default_recovery
        DEFAULTS.each { |name, default| public_send(:"#{name}=", default) }
      end
    end
  end
end
