#!/usr/bin/env ruby
# frozen_string_literal: true

# Which brokers this gem works with: consuming, producing, transactions, groups and both group protocols on each version of
# Kafka, and members of another version of this gem, or of another library, in one group. Prints a table; exit status 1
# where something does not hold.
#   verify/brokers.rb [--versions 3.3.2,3.9.1,4.1.0] [--only NAME] [--messages 4000] [--before CHECKOUT]

require "optparse"
require "rbconfig"

options = { versions: %w[3.3.2 3.9.1 4.1.0], only: nil, messages: 4_000, before: nil }
OptionParser.new do |parser|
  parser.on("--versions LIST", Array, "of Kafka, as Maven Central names them")
  parser.on("--only NAME", "one check of the list")
  parser.on("--messages N", Integer, "for each check")
  parser.on("--before CHECKOUT", "a checkout of another version of this gem, with its extension built: its members share groups with ours")
end.parse!(into: options)

# The version decides which jars are loaded, so each has a process of its own.
run = File.join(__dir__, "brokers/run.rb")
arguments = { "VERIFY_ONLY" => options[:only], "VERIFY_MESSAGES" => options[:messages].to_s,
              "VERIFY_BEFORE" => options[:before] && File.expand_path(options[:before]) }
good = options[:versions].map do |version|
  system(arguments.merge("KARAFKA_KAFKA_VERSION" => version), RbConfig.ruby, run)
end
puts good.all? ? "every check holds on Kafka #{options[:versions].join(", ")}" : "something does not hold, see above"
exit good.all?
