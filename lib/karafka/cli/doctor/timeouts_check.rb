# frozen_string_literal: true

module Karafka
  module Cli
    module Doctor
      # Times that contradict each other, or what the brokers allow.
      class TimeoutsCheck < Check
        # librdkafka's own.
        SESSION_MS = 45_000
        HEARTBEAT_MS = 3_000
        LIMITS = { "group.min.session.timeout.ms" => :<, "group.max.session.timeout.ms" => :> }.freeze
        private_constant :SESSION_MS, :HEARTBEAT_MS, :LIMITS

        # @return [void]
        def call
          cluster.clients.each do |client, settings|
            next if settings["group.protocol"].to_s.casecmp?("consumer")

            subject = "group #{client.consumer_group_id}"
            session = (settings["session.timeout.ms"] || SESSION_MS).to_i
            heartbeats(subject, session, (settings["heartbeat.interval.ms"] || HEARTBEAT_MS).to_i)
            brokers(subject, session)
          end
          transactions
        end

        private

        # What contradicts itself is refused when the application boots.
        def heartbeats(subject, session, interval)
          return if interval * 3 <= session

          warning(subject, "\"heartbeat.interval.ms\" is #{interval}, and \"session.timeout.ms\" #{session}: one or two lost heartbeats " \
                           "throw a member out",
                  "set \"heartbeat.interval.ms\" to a third of \"session.timeout.ms\" at most, or leave it out")
        end

        def transactions
          timeout = Setup::AttributesMap.producer(cluster.kafka)[:"transaction.timeout.ms"] or return
          limit = cluster.broker_settings["transaction.max.timeout.ms"] or return
          return if timeout.to_i <= limit.to_i

          error("the producer", "\"transaction.timeout.ms\" is #{timeout}, and transaction.max.timeout.ms of the brokers #{limit}: they " \
                                "refuse its transactions",
                "lower \"transaction.timeout.ms\"")
        end

        def brokers(subject, session)
          LIMITS.each do |name, comparison|
            limit = cluster.broker_settings[name] or next
            next unless session.public_send(comparison, limit.to_i)

            error(subject, "\"session.timeout.ms\" is #{session}, and #{name} of the brokers #{limit}: they refuse the member",
                  "set \"session.timeout.ms\" within what the brokers allow")
          end
        end
      end
    end
  end
end
