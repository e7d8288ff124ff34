# frozen_string_literal: true

require "karafka/compat/ruby-kafka"
require "karafka/adapters/ruby_kafka/metrics/statsd"
