# frozen_string_literal: true

require "karafka/compat/racecar"
Racecar::Cli.itself
