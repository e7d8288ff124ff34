# frozen_string_literal: true

require "karafka/compat/racecar"
Racecar::Datadog.itself
