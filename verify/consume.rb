#!/usr/bin/env ruby
# frozen_string_literal: true

# Consumption under faults, on real Kafka with three brokers: members are killed, stopped and started, brokers are killed
# and come back, consumers raise at random, in every mode of delivery at once. Afterwards every produced message has to be
# processed, nothing may have been committed before it was processed, order has to hold, and each duplicate needs a cause.
#   verify/consume.rb [--seconds 600] [--seed N] [--members 4] [--brokers 3] [--rate 300] [--strategy NAME]

require_relative "consume/run"
require "optparse"

options = { seconds: 600, seed: Random.new_seed % 1_000_000, members: 4, brokers: 3, rate: 300, partitions: 8, drain: 180 }
OptionParser.new do |parser|
  parser.on("--seconds N", Integer, "how long things fail")
  parser.on("--drain N", Integer, "how long the rest may take afterwards")
  parser.on("--seed N", Integer, "of all random choices")
  parser.on("--members N", Integer, "processes of the group")
  parser.on("--brokers N", Integer, "1: brokers are left alone")
  parser.on("--rate N", Integer, "messages a second and mode")
  parser.on("--partitions N", Integer, "of each topic")
  parser.on("--strategy NAME", Consume::Run::STRATEGIES, Consume::Run::STRATEGIES.join(", "))
end.parse!(into: options)

exit Consume::Run.new(**options).call
