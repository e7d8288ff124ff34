#!/usr/bin/env ruby
# frozen_string_literal: true

# How long messages stand still while a group rebalances, measured from the messages: two members work under a steady load,
# a third joins, one leaves, one is replaced. Exit status 1 where the member that stays all the time, or a partition that stays with
# its member, stands still for longer than the limit, or a message is missing. A partition that moves also waits until the
# members hear of it, by their next heartbeat.
#   verify/rebalance.rb [--strategy cooperative-sticky] [--partitions 60] [--rate 600] [--phase 8] [--limit 1000] [--kafka NAME=VALUE]

require_relative "rebalance/run"
require "optparse"

options = { strategy: "cooperative-sticky", partitions: 60, rate: 600, phase: 8, limit: 1_000, kafka: {} }
OptionParser.new do |parser|
  parser.on("--strategy NAME", %w[range cooperative-sticky consumer], "range, cooperative-sticky or consumer (KIP-848)")
  parser.on("--partitions N", Integer, "of the topic")
  parser.on("--rate N", Integer, "messages a second, spread over all partitions")
  parser.on("--phase SECONDS", Integer, "between two changes of the group")
  parser.on("--limit MS", Integer, "longest time without a message that passes")
  parser.on("--kafka NAME=VALUE", "a setting of the members, such as heartbeat.interval.ms=3000 or debug=cgrp; more than once") do |pair|
    options[:kafka].store(*pair.split("=", 2))
    options[:kafka]
  end
end.parse!(into: options)

exit Rebalance::Run.new(**options).call
