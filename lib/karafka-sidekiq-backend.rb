# frozen_string_literal: true

# The name that the gem karafka-sidekiq-backend was required by; the backend is part of this gem.
require_relative "karafka"
