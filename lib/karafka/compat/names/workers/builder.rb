# frozen_string_literal: true

module Karafka
  class Workers
    # Of the workers of Sidekiq, beside the threads of a server.
    Builder = Compat::SidekiqBackend::WorkerBuilder
  end
end
