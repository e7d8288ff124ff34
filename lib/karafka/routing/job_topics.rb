# frozen_string_literal: true

module Karafka
  module Routing
    # Topics of Active Job's jobs, wherever topics can be drawn.
    module JobTopics
      # By name: Active Job is loaded where they are consumed.
      CONSUMER = "Karafka::ActiveJob::Consumer"
      DELAY_CONSUMER = "Karafka::ActiveJob::DelayConsumer"
      # How long a message waits in each topic of {#active_job_delays}, milliseconds.
      DELAYS = { "1s" => 1_000, "10s" => 10_000, "1m" => 60_000, "10m" => 600_000, "1h" => 3_600_000 }.freeze
      private_constant :CONSUMER, :DELAY_CONSUMER, :DELAYS

      # @param name [String, Symbol] of a queue
      # @yield the settings of the topic
      # @return [Topic]
      def active_job_topic(name, &)
        topic(name) { jobs(:perform, CONSUMER, &) }
      end

      # @param name [String, Symbol, nil] free, for people
      # @param regexp [Regexp] of queues
      # @yield the settings of the topics
      # @return [Topic] a pattern
      def active_job_pattern(name, regexp = nil, &)
        pattern(name, regexp) { jobs(:perform, CONSUMER, &) }
      end

      # The topics in which jobs wait that were enqueued with `set(wait:)`, one for each of some times.
      # @param name [String, Symbol] what the names of these topics begin with
      # @yield the settings of each of the topics
      # @return [Array<Topic>]
      def active_job_delays(name = :active_job_delays, &)
        DELAYS.map do |suffix, delay|
          topic(TopicNames.joined(name.to_s, suffix)) do
            jobs(:delay, DELAY_CONSUMER, &)
            delay_by(delay)
          end
        end
      end
    end
  end
end
