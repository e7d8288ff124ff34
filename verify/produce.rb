#!/usr/bin/env ruby
# frozen_string_literal: true

# Production under faults, on real Kafka with three brokers and an idempotent producer: the leader of some partition is
# killed and comes back, again and again, and the client meets fatal errors. Afterwards every message that was reported
# as delivered has to be in the topic exactly once, at the reported place, in order for its key; every one that is not
# there must have been reported as failed.
#   verify/produce.rb [--messages 2000000] [--kills 20] [--fatal 3] [--seed N] [--threads 4]

require_relative "produce/run"
require "optparse"

options = { messages: 2_000_000, kills: 20, fatal: 3, seed: Random.new_seed % 1_000_000, threads: 4, partitions: 4 }
OptionParser.new do |parser|
  parser.on("--messages N", Integer)
  parser.on("--kills N", Integer, "how often the leader of a partition is killed")
  parser.on("--fatal N", Integer, "how often the client meets a fatal error and is replaced")
  parser.on("--seed N", Integer, "of all random choices")
  parser.on("--threads N", Integer, "that produce at once")
  parser.on("--partitions N", Integer)
end.parse!(into: options)

exit Produce::Run.new(**options).call
