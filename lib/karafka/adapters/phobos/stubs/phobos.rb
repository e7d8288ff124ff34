# frozen_string_literal: true

# What the gem phobos was required by.
require "karafka/compat/phobos"
