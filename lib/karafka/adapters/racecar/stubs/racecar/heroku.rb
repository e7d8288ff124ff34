# frozen_string_literal: true

require "karafka/compat/racecar"
Racecar::Heroku.load_configuration
