# frozen_string_literal: true

# A name that ruby-kafka was required by. On the load path only after `require "karafka/compat/ruby-kafka"`.
require "karafka/compat/ruby-kafka"
