#!/usr/bin/env ruby
# frozen_string_literal: true

# Dead letters and retry topics under SIGKILL, on real Kafka: members consume, one message in so many fails, and members are
# killed at random. Afterwards every message has to be processed or be a dead letter, only those that fail may be dead
# letters, and none may be missing. With --transactional a reader of committed messages has to see each dead letter once.
#   verify/dead_letters.rb [--messages 20000] [--kills 40] [--every 20] [--seed N] [--retries]
#                       [--transactional | --transactional-producer]

require_relative "dead_letters/run"
require "optparse"

options = { messages: 20_000, kills: 40, every: 20, seed: Random.new_seed % 1_000_000, members: 2, retries: false, transactional: false }
OptionParser.new do |parser|
  parser.on("--messages N", Integer, "to process")
  parser.on("--kills N", Integer, "SIGKILLs of members")
  parser.on("--every N", Integer, "one in so many fails")
  parser.on("--seed N", Integer, "of all random choices")
  parser.on("--members N", Integer, "processes of the group")
  parser.on("--retries", "through two retry topics")
  parser.on("--transactional", "sent and marked in one transaction: the topic has exactly_once")
  parser.on("--transactional-producer", "the same without exactly_once: the producer has a transactional.id")
end.parse!(into: options)
options[:transactional] &&= "topic"
options.delete(:"transactional-producer") && options[:transactional] = "producer"

exit DeadLetters::Run.new(**options).call
