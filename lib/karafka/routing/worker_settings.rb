# frozen_string_literal: true

module Karafka
  module Routing
    # The settings of a topic with `backend :sidekiq`.
    module WorkerSettings
      # @param klass [Class, String, Symbol] a worker of Sidekiq
      # @return [Class] without an argument: the one that was set; else the one that belongs to the consumer by its name
      # @raise [Errors::InvalidConfigurationError, Errors::BaseWorkerDescentantMissing]
      def worker(klass = UNSET)
        return @worker = klass.is_a?(Symbol) ? klass.to_s : klass unless UNSET.equal?(klass)

        reading!(:worker, "worker SomeWorker")
        return retry_of.worker if retry_topic?

        case @worker
        when nil then Compat::SidekiqBackend::WorkerBuilder.new(consumer).build
        when String then constantize(@worker, "worker")
        else @worker
        end
      end

      # @param given [Object] an instance, or a class, with `encode` and `decode`; or, as in 2016, what answers to `load` and `parse`
      # @return [#encode, #decode] without an argument
      # @raise [Errors::InvalidConfigurationError]
      def interchanger(given = UNSET)
        unless UNSET.equal?(given)
          return @interchanger = Compat::SidekiqBackend::FormerInterchanger.fitting(given) ||
                                 Setup.invalid!("#{label} interchanger", given, "an interchanger: it has encode(batch) and decode(batch)")
        end

        reading!(:interchanger, "interchanger SomeInterchanger.new")
        return retry_of.interchanger if retry_topic?

        @interchanger ||= Interchanger.new
      end
    end
  end
end
