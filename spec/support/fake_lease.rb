# frozen_string_literal: true

require "karafka/testing/lease"

# Stands in for Karafka::Native::Lease where a spec is about Ruby only. Without a position it only records.
FakeLease = Karafka::Testing::Lease
