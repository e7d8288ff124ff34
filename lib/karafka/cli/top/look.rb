# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # Two states of one process, some seconds apart, and how to find the same thing in both. `before` may be missing: the first look,
      # or the process has been started anew meanwhile.
      class Look
        # @return [Hash{String=>Object}] see docs/state.schema.json
        attr_reader :now
        # @return [Hash{String=>Object}, nil]
        attr_reader :before

        # @param before [Hash{String=>Object}, nil]
        # @param now [Hash{String=>Object}]
        def initialize(before, now)
          @now = now
          @before = before if before && same_process?(before, now)
        end

        # @return [Integer, nil] how long the window is, ms
        def span_ms = before && (now["at_ms"] - before["at_ms"])

        # @yieldparam group [Hash{String=>Object}]
        # @yieldparam earlier [Hash{String=>Object}, nil] the same one in `before`
        # @return [Enumerator, void]
        def each_group(&)
          return enum_for(:each_group) unless block_given?

          pairs(now["groups"], before && before["groups"], "group", &)
        end

        # @yieldparam group [String]
        # @yieldparam topic [Hash{String=>Object}]
        # @yieldparam earlier [Hash{String=>Object}, nil]
        # @return [Enumerator, void]
        def each_topic
          return enum_for(:each_topic) unless block_given?

          each_group do |group, earlier|
            pairs(group["topics"], earlier && earlier["topics"], "topic") { |topic, before| yield(group["group"], topic, before) }
          end
        end

        # @yieldparam group [String]
        # @yieldparam topic [String]
        # @yieldparam partition [Hash{String=>Object}]
        # @yieldparam earlier [Hash{String=>Object}, nil]
        # @return [Enumerator, void]
        def each_partition
          return enum_for(:each_partition) unless block_given?

          each_topic do |group, topic, earlier|
            pairs(topic["partition_states"], earlier && earlier["partition_states"], "partition") do |partition, before|
              yield(group, topic["topic"], partition, before)
            end
          end
        end

        # @yieldparam client [Hash{String=>Object}]
        # @yieldparam earlier [Hash{String=>Object}, nil]
        # @yieldparam group [String]
        # @return [void]
        def each_client
          each_group do |group, earlier|
            pairs(group["clients"], earlier && earlier["clients"], "id") { |client, before| yield(client, before, group["group"]) }
          end
        end

        # @return [Hash{Integer=>Integer}] number of the worker by the assignment that it has a batch of
        def workers
          @workers ||= now["workers"].select { |worker| worker["work"] }.to_h { |worker| [worker["work"]["assignment"], worker["worker"]] }
        end

        # @return [Boolean] whether no worker is free
        def busy? = now["workers"].any? && now["workers"].all? { |worker| worker["state"] == "busy" }

        # @return [Boolean] whether it takes new work
        def works? = now["process"]["state"] == "running" && !now["process"]["quiet"]

        # How much a counter has grown.
        # @param later [Hash{String=>Object}]
        # @param earlier [Hash{String=>Object}, nil]
        # @param name [String]
        # @return [Integer, nil] nil: not known
        def grown(later, earlier, name)
          return unless earlier && later[name] && earlier[name]

          [later[name] - earlier[name], 0].max
        end

        private

        # The number of a process is used again, also for the only process of a container.
        def same_process?(before, now)
          before["process"].values_at("host", "pid") == now["process"].values_at("host", "pid") &&
            before["process"]["uptime_ms"] <= now["process"]["uptime_ms"]
        end

        def pairs(later, earlier, key)
          known = (earlier || []).to_h { |one| [one[key], one] }
          (later || []).each { |one| yield(one, known[one[key]]) }
        end
      end
    end
  end
end
