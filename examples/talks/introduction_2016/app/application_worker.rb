# frozen_string_literal: true

# The first class below Karafka::BaseWorker is the base of all workers.
class ApplicationWorker < Karafka::BaseWorker
  sidekiq_options queue: "default", retry: 3
end
