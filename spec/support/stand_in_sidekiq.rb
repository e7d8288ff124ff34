# frozen_string_literal: true

# What `backend :sidekiq` uses of Sidekiq, for specs without Redis: jobs are kept as JSON, which is what Redis would have.
module StandInSidekiq
  # A worker's class methods.
  module Declarations
    def sidekiq_options(options = nil) = options ? @sidekiq_options = options : @sidekiq_options

    def perform_async(*arguments)
      raise StandInSidekiq.refusal if StandInSidekiq.refusal

      StandInSidekiq.jobs << [name, JSON.generate(arguments)]
      "jid"
    end
  end

  # As Sidekiq::Worker.
  module Worker
    def self.included(worker)
      super
      worker.extend(Declarations)
    end
  end

  class << self
    attr_accessor :refusal

    def jobs = @jobs ||= []

    # Does the oldest job, as a process of Sidekiq would.
    def perform_next
      name, arguments = jobs.shift
      Object.const_get(name).new.perform(*JSON.parse(arguments))
    end

    def configure_server; end
  end
end
