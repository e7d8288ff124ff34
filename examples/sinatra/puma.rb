# frozen_string_literal: true

bind "tcp://127.0.0.1:#{ENV.fetch("PORT", "9292")}"
threads 1, 5
# Consumes in this process, and ends with it. Without this line run `karafka server` beside it.
plugin :karafka
