#!/usr/bin/env ruby
# frozen_string_literal: true

# A real Prometheus scrapes `karafka server` on a real Kafka. First in chaos: processes are killed, frozen and deployed anew, the broker
# stops, consumers fail. No scrape may fail while its process can answer, Prometheus may warn of nothing, and its counters have to agree
# with the journals of the processes. Then each alert: silence while all is well and processes are deployed, and one condition for each.
#   verify/prometheus.rb [--seconds 600] [--seed N] [--processes 3] [--rate 200] [--healthy 60] [--only chaos|alerts]

require_relative "prometheus/run"
require "optparse"

options = { seconds: 600, seed: Random.new_seed % 1_000_000, processes: 3, rate: 200, healthy: 60 }
OptionParser.new do |parser|
  parser.on("--seconds N", Integer, "how long things fail")
  parser.on("--seed N", Integer, "of all random choices")
  parser.on("--processes N", Integer, "that are scraped")
  parser.on("--rate N", Integer, "messages a second")
  parser.on("--healthy N", Integer, "seconds of deploys in which no alert may fire")
  parser.on("--only PART", %w[chaos alerts], "chaos or alerts")
end.parse!(into: options)

exit Scraping::Run.new(**options).call
