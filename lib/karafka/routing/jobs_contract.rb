# frozen_string_literal: true

module Karafka
  module Routing
    # Whether each job is for one consumer group: every other one would perform it as well, or send it on once more.
    class JobsContract
      # @param topics [Array<Topic>]
      def initialize(topics)
        @topics = topics.select { |topic| topic.active && (topic.active_job? || topic.job_delay?) }
      end

      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def check!
        @topics.group_by(&:subscription_name).each_value do |same|
          groups = same.map { |topic| topic.consumer_group.name }.uniq
          next if groups.one?

          raise Errors::InvalidConfigurationError,
                "#{same.first.label} is consumed by the groups #{groups.join(" and ")}: each of them would get every job. Draw it in one " \
                "of them; a process that only enqueues needs `active false` in the block."
        end
      end
    end
  end
end
