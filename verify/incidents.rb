#!/usr/bin/env ruby
# frozen_string_literal: true

# Five incidents on real Kafka: a consumer that is stuck, a message that always fails, a lag that grows, a rebalance storm, a broker that
# is gone. Each is made, and looked at with the commands that the runbook names, five at most: what they print has to name the cause and
# the place.
#   verify/incidents.rb [--only stuck|poison|lag|storm|broker] [--quiet]
#   verify/incidents.rb --play   makes them in any order, without a word about which, for somebody who finds out

require_relative "incidents/run"
require "optparse"

only = quiet = play = nil
OptionParser.new do |parser|
  parser.on("--only NAME", Incidents::Cases::ALL.keys, "one of #{Incidents::Cases::ALL.keys.join(", ")}") { |name| only = name }
  parser.on("--quiet", "without transcripts") { quiet = true }
  parser.on("--play", "somebody else looks; Enter ends an incident") { play = true }
end.parse!

cluster = KafkaCluster.new("verify-incidents").up
begin
  if play
    Incidents::Cases::ALL.keys.shuffle.each { |name| Incidents::Run.new(cluster, name).play }
    exit
  end
  found = Incidents::Cases::ALL.keys.select { |name| only.nil? || name == only }.to_h do |name|
    run = Incidents::Run.new(cluster, name)
    missing = run.call
    puts "## #{name}", run.transcript, "" unless quiet
    warn "#{name}: #{missing.empty? ? "cause and place were found" : missing.join("; ")}"
    [name, missing]
  end
ensure
  cluster.down
end
puts JSON.generate(verify: "incidents", cases: found.keys, violations: found.values.sum(&:size))
exit found.values.all?(&:empty?)
