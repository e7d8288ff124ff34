# frozen_string_literal: true

# What the gem racecar was required by.
require "karafka/compat/racecar"
