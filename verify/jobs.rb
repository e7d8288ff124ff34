#!/usr/bin/env ruby
# frozen_string_literal: true

# Jobs of Active Job under SIGKILL, on real Kafka: members perform them and are killed at random. Afterwards each job has to have run,
# those of a key in order, and those that waited not before they were due. How late they were is printed.
#   verify/jobs.rb [--jobs 100000] [--waiting 10000] [--longest-wait 30] [--kills 20] [--members 2] [--seed N]

require_relative "jobs/run"
require "optparse"

options = { jobs: 100_000, waiting: 10_000, "longest-wait": 30, kills: 20, members: 2, seed: Random.new_seed % 1_000_000 }
OptionParser.new do |parser|
  parser.on("--jobs N", Integer, "to perform at once, each with a key")
  parser.on("--waiting N", Integer, "that wait for a random time")
  parser.on("--longest-wait N", Integer, "seconds")
  parser.on("--kills N", Integer, "SIGKILLs of members")
  parser.on("--members N", Integer, "processes of the group")
  parser.on("--seed N", Integer, "of all random choices")
end.parse!(into: options)
options[:longest_wait] = options.delete(:"longest-wait")

exit Jobs::Run.new(**options).call
