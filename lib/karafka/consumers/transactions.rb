# frozen_string_literal: true

module Karafka
  module Consumers
    # Producing and marking, both or neither.
    module Transactions
      # How long it may take to find out what became of a commit that got no answer, and one question of it, ms.
      LOOK_UP_MS = 15_000
      LOOK_UP_STEP_MS = 1_000
      # What a step of a transaction without an answer gets once the process stops or the partition is taken away, seconds.
      ENDING_SECONDS = 2
      private_constant :LOOK_UP_MS, :LOOK_UP_STEP_MS, :ENDING_SECONDS

      # What the block produces with the consumer's `produce_*`, and what it marks, is committed when it returns, both or
      # neither. It aborts as {WaterDrop::Producer#transaction} does; then the marks never were. Inside of another one it
      # joins that.
      # @param active_producer [WaterDrop::Producer, WaterDrop::ConnectionPool, nil] nil: the consumer's {Producing#producer} where
      #   that is another one than the application's and transactional; else one of this partition's own, so that partitions do
      #   not wait for each other
      # @return [Object, nil] what the block returned
      # @raise [WaterDrop::Errors::TransactionError] it was not committed
      # @raise [Errors::AssignmentLostError] it marked a message, and the partition belongs to another process by now
      def transaction(active_producer = nil, &)
        active_producer ||= karafka_chosen_producer
        # The whole of it with one producer, which also knows what became of it.
        return active_producer.with { |producer| transaction(producer, &) } if active_producer.is_a?(WaterDrop::ConnectionPool)

        active = @karafka_transaction
        return yield if active&.transaction? && (active_producer.nil? || active_producer.equal?(active))
        return karafka_transact(active_producer, &) if active_producer

        karafka_partition_transaction(&)
      end

      # @api private
      # @return [Native::Lease]
      # @raise [Errors::UnsupportedFeatureError] the topic is `parallel`: earlier messages may not be finished
      def karafka_lease_of(message)
        if topic.parallel
          raise Errors::UnsupportedFeatureError.for("mark_as_consumed in a transaction, on a topic with `parallel`,",
                                                    "Mark after the transaction, or use more partitions.")
        end
        lease = karafka_lease
        check_place(message) unless message.is_a?(Messages::Message) && message.of?(lease)
        lease
      end

      # A commit up to there is under way; nil: it is known not to have happened.
      # @api private
      # @param offset [Integer, nil]
      # @return [void]
      def karafka_in_doubt(offset)
        @karafka_doubt = offset
      end

      # @api private
      # @return [void]
      def karafka_committed_in_transaction(lease, offset)
        lease.transaction_committed(offset)
        @karafka_doubt = nil
      end

      # For {WaterDrop::Producer#transaction_unless}: nobody needs the answer of a step where the batch is delivered again.
      # @api private
      # @return [Proc] gives why, or nil
      def karafka_needless
        lease = karafka_lease
        since = nil
        lambda do
          next unless lease.ending?
          next "#{lease.topic}/#{lease.partition} was lost" if lease.revoked?

          since ||= Clock.now
          "the process stops, or #{lease.topic}/#{lease.partition} is taken away" if Clock.now - since >= ENDING_SECONDS
        end
      end

      # The whole batch in one transaction.
      # @api private
      # @param mark_all [Boolean] mark what was not marked by hand
      def karafka_exactly_once(mark_all:)
        done = false
        karafka_partition_transaction do
          yield
          # A consumer that goes on elsewhere says itself what is processed.
          mark_as_consumed(messages.last) if mark_all && !karafka_lease.seeking?
          done = true
        end
        raise WaterDrop::AbortTransaction, "the batch was aborted; it is delivered again" unless done
      end

      private

      # What was set for this consumer, such as one of a pool, or what its own method `producer` gives.
      def karafka_chosen_producer
        chosen = producer
        return if chosen.equal?(@karafka_transaction) || chosen.equal?(Karafka.producer)

        chosen if chosen.is_a?(WaterDrop::ConnectionPool) || (chosen.respond_to?(:transactional?) && chosen.transactional?)
      end

      def karafka_partition_transaction(&)
        karafka_assignment.transactional_producer { |producer| karafka_transact(producer, &) }
      end

      def karafka_transact(active, &)
        if @karafka_doubt && karafka_committed?(active)
          raise Errors::RedeliveredError, "the last transaction had been committed after all; what comes behind it is delivered next"
        end

        outer = @karafka_transaction
        @karafka_transaction = active
        done = nil
        begin
          result = active.transaction_unless(karafka_needless) { done = yield }
        ensure
          @karafka_transaction = outer
        end
        karafka_tell_of_transaction
        result
      rescue WaterDrop::Errors::TransactionError => e
        raise unless e.in_doubt? && @karafka_doubt && karafka_committed?(active)

        karafka_tell_of_transaction
        done
      end

      # Also of one that was aborted in silence.
      def karafka_tell_of_transaction
        name = "consumer.consuming.transaction"
        Instrumentation::Safely.instrument(name, caller: self) if Karafka.monitor.listening?(name)
      end

      # What became of a commit that got no answer: the group's offset says it, once nothing of it is open any more. A new
      # client of the same id ends what is.
      # @return [Boolean]
      # @raise [Errors::BaseError] it cannot be found out now
      def karafka_committed?(active)
        needless = karafka_needless
        # The next owner asks for itself. Here a new client would only throw its one out.
        raise Errors::ClosedError if karafka_lease.revoked?

        begin
          active.prepare_transactions(give_up: needless)
        rescue WaterDrop::Errors::TransactionError => e
          # Another one has taken over, and so has ended it.
          raise unless e.fenced?
        end
        committed = karafka_committed_offset(needless)
        done = !committed.nil? && committed >= @karafka_doubt
        karafka_lease.transaction_committed(committed) if done
        @karafka_doubt = nil
        done
      rescue Errors::ClosedError
        # The partition is lost.
        @karafka_doubt = nil
        false
      end

      # In steps, so that a stop gets through.
      def karafka_committed_offset(needless)
        deadline = Clock.now_ms + LOOK_UP_MS
        begin
          karafka_lease.committed_offset(LOOK_UP_STEP_MS)
        rescue Errors::KafkaError
          retry if Clock.now_ms < deadline && needless.call.nil?
          raise
        end
      end
    end
  end
end
