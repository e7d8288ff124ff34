# frozen_string_literal: true

# The name that delivery_boy was required by. On the load path only after `require "karafka/compat/delivery_boy"`.
require "karafka/compat/delivery_boy"
