# frozen_string_literal: true

module Karafka
  module Compat
    # `backend :sidekiq`: each batch becomes a job of Sidekiq, which does what the consumer would have done. The offset advances once the
    # job is in Redis; from then on Sidekiq retries, and Kafka does not.
    module SidekiqBackend
      class << self
        # @return [void]
        # @raise [Errors::InvalidConfigurationError] the gem sidekiq is not installed, or not in the bundle
        def load!
          require "sidekiq"
        rescue LoadError => e
          raise Errors::InvalidConfigurationError,
                "`backend :sidekiq` needs the gem sidekiq: add `gem \"sidekiq\"` to the Gemfile, or use `backend :inline`. (#{e.message})"
        end

        # Has all that a topic needs made now, so that what is missing is reported before anything is consumed.
        # @param topic [Routing::Topic]
        # @return [void]
        # @raise [Errors::InvalidConfigurationError, Errors::BaseWorkerDescentantMissing]
        def check!(topic)
          load!
          worker = topic.worker
          unless worker.respond_to?(:perform_async)
            Setup.invalid!("#{topic.label} worker", worker, "a class that inherits from Karafka::BaseWorker, or another worker of Sidekiq")
          end
          return unless topic.exactly_once?

          Setup.invalid!("#{topic.label} backend", :sidekiq, "left out with `exactly_once`: Redis is no part of a transaction of Kafka")
        end

        # A process of Sidekiq needs the workers that {WorkerBuilder} makes before the first job is looked at.
        # @return [void]
        def watch
          return if @watched || !defined?(::Sidekiq) || !::Sidekiq.respond_to?(:configure_server)

          @watched = true
          ::Sidekiq.configure_server { |config| config.on(:startup) { App.boot! } }
        end
      end
    end
  end
end
