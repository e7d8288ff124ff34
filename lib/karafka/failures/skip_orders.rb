# frozen_string_literal: true

module Karafka
  module Failures
    # The messages that operators want left out ({Server.skip}) and that their consumers have not met since. In the memory of this
    # process: what waits is gone with it, and the message then comes again.
    module SkipOrders
      # The most that may wait.
      MOST = 1_000

      @lock = Mutex.new
      # By partition and offset.
      @waiting = {}

      class << self
        # Asked for each batch, so it takes no lock.
        # @return [Boolean]
        def any? = !@waiting.empty?

        # @param order [SkipOrder]
        # @return [SkipOrder] the one that waits for that message already, or else this one
        # @raise [ArgumentError] too many wait
        def add(order)
          @lock.synchronize do
            known = @waiting.dig(order.place, order.offset)
            next known if known
            raise ArgumentError, "#{MOST} messages wait to be skipped: no more are taken" if @waiting.sum { |_, of| of.size } >= MOST

            (@waiting[order.place] ||= {})[order.offset] = order
          end
        end

        # @param group [String]
        # @param lease [Native::Lease] of a batch that is about to run
        # @return [Array(SkipOrder, Integer), nil] the first order that is about one of its messages, and which one
        def met(group, lease)
          orders = of(group, lease)
          return if orders.empty?

          offsets = lease.offsets
          passed(orders, offsets.first) unless lease.lane.positive?
          order = orders.find { |one| offsets.include?(one.offset) } or return
          [order, offsets.index(order.offset)]
        end

        # A batch went through before the order came to it.
        # @param group [String]
        # @param lease [Native::Lease]
        # @return [void]
        def processed(group, lease)
          orders = of(group, lease)
          return if orders.empty?

          offsets = lease.offsets
          orders.each { |order| finish(order, :processed) if offsets.include?(order.offset) }
        end

        # @param group [String]
        # @param lease [Native::Lease] of a partition that is not this process's any more
        # @return [void]
        def lost(group, lease)
          of(group, lease).each { |order| finish(order, :lost) }
        end

        # @param order [SkipOrder]
        # @param result [Symbol] see {SkipOrder#result}
        # @param target [String, nil] the dead letter queue
        # @return [void]
        def finish(order, result, target = nil)
          @lock.synchronize do
            orders = @waiting[order.place]
            orders&.delete(order.offset)
            @waiting.delete(order.place) if orders && orders.empty?
          end
          order.settle(result, target)
        end

        # Forgets all of them.
        # @return [void]
        def clear
          @lock.synchronize { @waiting = {} }
        end

        private

        def of(group, lease)
          @lock.synchronize { (@waiting[[group, lease.topic, lease.partition]] || {}).values }
        end

        # Without lanes all before the first message of a batch is dealt with.
        def passed(orders, first)
          orders.each { |order| finish(order, :processed) if order.offset < first }
        end
      end
    end
  end
end
