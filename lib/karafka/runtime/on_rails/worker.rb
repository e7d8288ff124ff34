# frozen_string_literal: true

module Karafka
  module OnRails
    # A worker of a Rails application: everything that comes of a lease, from finding the consumer's class to the handling of
    # its failure, is one piece of work for Rails.
    class Worker < Karafka::Worker
      # @param execution [Execution]
      # @param persistent [#call] says of a lease whether its consumer stays from batch to batch, so that new code is not for it
      def initialize(*given, execution:, persistent:, **options)
        super(*given, **options)
        @execution = execution
        @persistent = persistent
      end

      private

      def process(lease)
        begun = false
        @execution.wrap(fresh: lease.kind == :consume && !@persistent.call(lease)) do
          begun = true
          @refused = 0
          super
        end
      rescue Exception => e # rubocop:disable Lint/RescueException -- whatever it was, it must not be acknowledged
        # Of Rails' own call-backs: what comes of the consumer is contained. Fatal ones end the process.
        @on_fatal.call(e) if FATAL.any? { |type| e.is_a?(type) }
        Instrumentation::Safely.error(e, "worker.process.error", caller: self)
        refuse(lease) unless begun
      end

      # Nothing of it was done.
      def refuse(lease)
        give_back(lease, lease.kind, @refused = (@refused || 0) + 1)
        @coordinator.evict(lease) if LAST.include?(lease.kind)
      end
    end
  end
end
