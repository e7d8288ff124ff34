# frozen_string_literal: true

require_relative "../../spec/support/free_ports"

module Incidents
  # `make` makes the incident, `ask` is what is done on call, `names` what has to be found: patterns of the cause and of the place.
  module Cases
    # @return [String] "app.rb:12" of the line of the application that has the text
    def self.place(text)
      number = File.readlines(Run::APP).index { |line| line.include?(text) } + 1
      "app.rb:#{number}"
    end

    ALL = {
      stuck: {
        make: lambda do |run|
          # It takes the connection and says nothing.
          warehouse = TCPServer.new("127.0.0.1", FreePorts.take.first)
          run.send_order({ "warehouse" => "127.0.0.1:#{warehouse.addr[1]}" })
          run.wait("a batch that is out for a while") { run.state["workers"].any? { |one| one["work"] && one["age_ms"] > 4_000 } }
        end,
        ask: lambda do |run|
          run.karafka("status", "--stuck", "3")
          run.jq("/v1/workers?backtrace=1", ".workers[] | select(.state == \"busy\") | .backtrace[0:4]") do |answer|
            answer["workers"].select { |worker| worker["state"] == "busy" }.map { |worker| worker["backtrace"].first(4) }
          end
        end,
        names: ->(run) { [%r{#{run.topic}/0 stuck}, /OrdersConsumer/, /#{place("socket.gets")}:in .gets/] }
      },
      poison: {
        make: lambda do |run|
          run.send_order({ "currency" => "EUR" }, partition: 1)
          run.send_order({ "id" => 7 }, partition: 1)
          run.wait("the third attempt") { run.lines("attempt 3").any? }
        end,
        ask: lambda do |run|
          run.karafka("status")
          run.grep("ERROR", after: 2)
          run.karafka("consume", run.topic, "--partition", "1", "--from", "1", "--limit", "1")
        end,
        names: lambda do |run|
          [%r{#{run.topic}/1 fails again and again at offset 1:}, /key not found: "currency"/, /#{place("fetch(\"currency\")")}/, /"id":7/]
        end
      },
      lag: {
        make: lambda do |run|
          run.feed({ "slow" => 0.2, "currency" => "EUR" })
          run.wait("a lag of some seconds") { run.state["groups"][0]["topics"][0]["lag_ms"].to_i > 6_000 }
        end,
        ask: lambda do |run|
          run.karafka("status", "--behind", "5", "--interval", "5")
          run.jq("/v1/workers?backtrace=1", ".workers[] | select(.state == \"busy\") | .backtrace[0:4]") do |answer|
            answer["workers"].select { |worker| worker["state"] == "busy" }.map { |worker| worker["backtrace"].first(4) }
          end
          run.jq("/v1/state", ".groups[].topics[] | {lag, lag_ms, rates}") do |answer|
            answer["groups"].flat_map { |group| group["topics"] }.map { |topic| topic.slice("topic", "lag", "lag_ms", "rates") }
          end
        end,
        names: ->(run) { [/#{run.topic}.* behind/, /#{place("sleep seconds")}/] }
      },
      storm: {
        make: lambda do |run|
          run.feed({ "currency" => "EUR" }, each: 0.1)
          log = run.other_log("app-2")
          # A process that is killed soon after each start, as for its memory.
          7.times { run.kill(run.start(client: "app-2", port: run.second, log: log)) }
        end,
        ask: lambda do |run|
          run.karafka("status", run.address, "127.0.0.1:#{run.second}")
          run.jq("/v1/state", ".groups[].rebalances[-4:][]") do |answer|
            answer["groups"].flat_map { |group| group["rebalances"].last(4) }
          end
          run.karafka("groups", "describe", run.group)
        end,
        names: ->(run) { [/has lost partitions \d+ times in .*, mostly revoked/, /127.0.0.1:#{run.second} +does not answer/, /app-2 at/] }
      },
      broker: {
        make: lambda do |run|
          run.send_order({ "currency" => "EUR" })
          run.cluster.stop_node(1)
          run.wait("the report") { run.lines("nothing listens there|refused").any? }
        end,
        ask: lambda do |run|
          run.karafka("status")
          run.grep("refused")
          run.karafka("doctor")
        end,
        names: lambda do |run|
          [/reaches no broker/, /^#{run.group} +trouble /, /#{run.cluster.bootstrap_servers}.*refused/, /nothing listens there/]
        end,
        end: ->(run) { run.cluster.start_node(1) }
      }
    }.freeze
  end
end
