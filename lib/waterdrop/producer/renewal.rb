# frozen_string_literal: true

module WaterDrop
  class Producer
    # A transactional producer's client is used until it fails for good. Then another one follows, or the producer is at its
    # end.
    module Renewal
      private

      # @param error [Errors::TransactionError] what the client has met
      # @param prepare [Boolean] what it had begun is to be ended soon: readers wait for that
      # @return [void]
      def renew_after(error, prepare: false)
        # It has said so before.
        return if @finished

        @renewals += 1
        return finished_by(error) unless @config.renew_after?(error) && may_follow?(error)

        announce("producer.reload", attempt: @renewals, error: error) unless error.fenced?
        give_up_client(prepare: prepare)
        announce("producer.reloaded", attempt: @renewals)
      end

      # To come back with the same transactional id would throw out the producer that has taken over, and that one would come
      # back in turn. After a transaction that timed out nobody has, as far as the clock knows: once that is believed.
      def may_follow?(error)
        case error.kind
        when :fenced then renamed_after?(error)
        when :timed_out then @timed_out ? false : @timed_out = true
        else true
        end
      end

      # A subscriber may give the next client an id of its own.
      def renamed_after?(error)
        fenced_id = transactional_id
        announce("producer.reload", attempt: @renewals, error: error)
        transactional_id != fenced_id
      end

      def transactional_id
        @config.kafka[:"transactional.id"].to_s
      end

      # The client has proved that it works.
      def reset_renewals
        @renewals = 0
        @timed_out = false
      end

      # No client follows.
      def finished_by(error)
        @finished = error
        @client.abandon
      end

      # @param prepare [Boolean] what it had begun is to be ended soon: readers wait for that
      def give_up_client(prepare: false)
        return if @finished

        old = @client
        @lifecycle.synchronize do
          next unless %i[configured connected].include?(@state)

          @client = @config.new_client
          next unless @state == :connected

          @client.start(self)
          @client.prepare_transactions if prepare
        end
        old.abandon
      end
    end
    private_constant :Renewal
  end
end
