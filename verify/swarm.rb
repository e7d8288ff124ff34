#!/usr/bin/env ruby
# frozen_string_literal: true

# A swarm under faults, on real Kafka: nodes are killed, frozen and restarted, supervisors are killed and started again, while messages
# come. Afterwards each message has to be processed and committed; a node may never have run twice, each has
# to answer at its control socket, and no process may be left behind.
#   verify/swarm.rb [--seconds 180] [--seed N] [--nodes 4] [--partitions 8] [--rate 300]

require_relative "swarm/run"
require "optparse"

options = { seconds: 180, seed: Random.new_seed % 1_000_000, nodes: 4, partitions: 8, rate: 300 }
OptionParser.new do |parser|
  parser.on("--seconds N", Integer, "how long things fail")
  parser.on("--seed N", Integer, "of all random choices")
  parser.on("--nodes N", Integer, "of the swarm")
  parser.on("--partitions N", Integer, "of the topic")
  parser.on("--rate N", Integer, "messages a second")
end.parse!(into: options)

exit Swarm::Run.new(**options).call
