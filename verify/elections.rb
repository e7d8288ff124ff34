#!/usr/bin/env ruby
# frozen_string_literal: true

# An unclean election on a real Kafka with three brokers: the leader dies while the only other replica lacks the last messages. That
# one leads all the same, and other messages are written at the same offsets. Exit status 1 where one of them is not processed: by the
# member that read on meanwhile, with and without `parallel`, and with it also by one that was killed before and comes back.
#   verify/elections.rb [--common 20] [--lost 40] [--written 60] [--seconds 120]

require_relative "elections/run"
require "optparse"

options = { common: 20, lost: 40, written: 60, seconds: 120 }
OptionParser.new do |parser|
  parser.on("--common N", Integer, "messages that both replicas have")
  parser.on("--lost N", Integer, "messages that only the leader has that dies")
  parser.on("--written N", Integer, "messages that are written in their place")
  parser.on("--seconds N", Integer, "longest wait for a step")
end.parse!(into: options)

exit Elections::Run.new(**options).call
