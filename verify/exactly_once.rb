#!/usr/bin/env ruby
# frozen_string_literal: true

# Exactly once, on real Kafka with three brokers: processes consume, transform and produce while they are killed (SIGKILL)
# and brokers are restarted. Afterwards a reader of committed messages has to see each result once and in order.
#   verify/exactly_once.rb [--messages 200000] [--kills 40] [--restarts 5] [--seed N] [--members 3] [--brokers 3]

require_relative "exactly_once/run"
require "optparse"

options = { messages: 200_000, kills: 40, restarts: 5, seed: Random.new_seed % 1_000_000, members: 3, brokers: 3, partitions: 6 }
OptionParser.new do |parser|
  parser.on("--messages N", Integer, "to process")
  parser.on("--kills N", Integer, "SIGKILLs of members")
  parser.on("--restarts N", Integer, "of brokers, killed or stopped; 0 where KARAFKA_TEST_BROKERS is set")
  parser.on("--seed N", Integer, "of all random choices")
  parser.on("--members N", Integer, "processes of the group")
  parser.on("--brokers N", Integer, "nodes of Kafka")
  parser.on("--partitions N", Integer, "of each topic")
end.parse!(into: options)

exit ExactlyOnce::Run.new(**options).call
