# frozen_string_literal: true

module Brokers
  # Members join and leave while messages come, with each assignor and protocol.
  module Groups
    # The group coordinator of Kafka 4 knows KIP-848's protocol; that of 3.7 to 3.9 has an early version that librdkafka does not speak.
    LEAST_FOR_KIP_848 = "4.0"

    module_function

    # @yieldparam fleet [Fleet] members at work on the topic
    def under_load(ground, kafka)
      topic = ground.topic
      fleet = Fleet.new(ground, group: ground.group, topic: topic, kafka: kafka)
      load = Feed.new(ground, topic)
      yield fleet
      load.finish
      ground.wait_until("all #{load.sent} messages") { fleet.processed.uniq.size >= load.sent }
      processed = fleet.processed
      "#{load.sent} messages, none lost, #{processed.size - load.sent} twice"
    ensure
      load&.finish
      fleet&.kill_all
    end

    def rolling(ground, kafka)
      under_load(ground, kafka) do |fleet|
        fleet.join("first")
        ground.wait_until("the first is at work") { fleet.at_work?("first") }
        fleet.join("second")
        ground.wait_until("the second is at work") { fleet.at_work?("second") }
        fleet.leave("first")
        fleet.join("third")
        ground.wait_until("the third is at work") { fleet.at_work?("third") }
        fleet.leave("second")
      end
    end

    def kip848(ground)
      if Gem::Version.new(KafkaLibraries::VERSION) < Gem::Version.new(LEAST_FOR_KIP_848)
        raise Unavailable, "from Kafka #{LEAST_FOR_KIP_848} on"
      end

      rolling(ground, "group.protocol": "consumer")
    end

    # A steady trickle, so that every member has something to do at once.
    class Feed
      attr_reader :sent

      def initialize(ground, topic)
        @sent = 0
        @done = false
        @thread = Thread.new do
          ground.producing("linger.ms": 1) do |producer|
            until @done
              list = Array.new(40) { |index| { topic: topic, payload: (@sent + index).to_s, partition: index % 4 } }
              producer.produce_many_sync(list)
              @sent += list.size
              sleep 0.02
            end
          end
        end
      end

      def finish
        @done = true
        @thread.join(30) || raise(Violation, "the producer did not end")
      end
    end

    CHECKS = {
      "group, range" => ->(ground) { rolling(ground, "partition.assignment.strategy": "range") },
      "group, cooperative-sticky" => ->(ground) { rolling(ground, "partition.assignment.strategy": "cooperative-sticky") },
      "group, static members" => lambda { |ground|
        under_load(ground, "session.timeout.ms": 6_000) do |fleet|
          fleet.join("first", "group.instance.id": "one")
          fleet.join("second", "group.instance.id": "two")
          %w[first second].each { |name| ground.wait_until("#{name} is at work") { fleet.at_work?(name) } }
          fleet.leave("first")
          fleet.join("third", "group.instance.id": "one")
          ground.wait_until("the third is at work") { fleet.at_work?("third") }
        end
      },
      "group, KIP-848" => method(:kip848)
    }.freeze
  end
end
