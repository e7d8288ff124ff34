# frozen_string_literal: true

# Long checks on real Kafka with faults. ARGS="--seconds 60 --seed 7" is passed on; each prints its seed, and --help its options.
namespace :verify do
  { consume: "Members, brokers and consumers fail at random for 10 minutes: nothing lost, nothing committed unprocessed, order kept",
    rebalance: "How long messages stand still while a group of 60 partitions rebalances under load",
    rate: "throttle, delay_by and expire_after hold their numbers for a minute, and waiting costs nothing" }
    .each do |name, description|
      desc description
      task(name) { sh "verify/#{name} #{ENV.fetch("ARGS", nil)}".strip }
    end
end
