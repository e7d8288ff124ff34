# frozen_string_literal: true

module Karafka
  module Cli
    module Doctor
      # What runs here, and how old the brokers are. They do not say their version, only which requests they take.
      class VersionsCheck < Check
        # The newest request of a version, and the least version of it.
        REQUESTS = [["4.1", 90, 0], ["4.0", 1, 17, 3, 13], ["3.8", 75, 0], ["3.7", 71, 0], ["3.0", 65, 0], ["2.8", 60, 0]].freeze
        OLDEST = "before 2.8"
        private_constant :REQUESTS, :OLDEST

        # @return [void]
        def call
          note("this process", "Ruby #{RUBY_VERSION}, karafka-rs #{VERSION}, librdkafka #{Librdkafka.librdkafka_version}")
          heard = cluster.requests.compact
          return if heard.empty?

          versions = heard.transform_values { |requests| version(requests) }
          note("brokers", versions.group_by(&:last).map { |name, ids| "#{list(ids.map(&:first))}: Kafka #{name}" }.join("; "))
          old(versions)
          return if versions.values.uniq.size == 1

          warning("brokers", "they have different versions", "end the upgrade: until then what only new brokers can do works at times only")
        end

        private

        def version(requests)
          found = REQUESTS.find { |_, *wanted| wanted.each_slice(2).all? { |request, least| requests.fetch(request, -1) >= least } }
          found ? "#{found.first} or later" : OLDEST
        end

        def old(versions)
          ids = versions.select { |_, name| name == OLDEST }.keys
          return if ids.empty?

          warning("brokers #{list(ids)}", "Kafka #{OLDEST} gives topics no ids",
                  "update them: a topic that is deleted and made again is otherwise noticed only where it is shorter")
        end
      end
    end
  end
end
