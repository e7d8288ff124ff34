# frozen_string_literal: true

bind "tcp://127.0.0.1:#{ENV.fetch("PORT", "9292")}"
workers 2
preload_app!
