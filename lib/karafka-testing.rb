# frozen_string_literal: true

# The name that the gem karafka-testing is required by.
require_relative "karafka/testing"
