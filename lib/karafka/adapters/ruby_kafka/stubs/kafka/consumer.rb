# frozen_string_literal: true

require "karafka/compat/ruby-kafka"
