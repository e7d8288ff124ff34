# frozen_string_literal: true

module Karafka
  module ActiveJob
    # Jobs that wait: `active_job_delays` in the routes draws topics in which each message waits for the same time, so none is held up
    # by one that waits longer. A job goes from one to the next, always into the longest that it does not outwait, until it is due.
    # It is never early, and late by as much as the shortest of these times, as the last wait is for the whole of it.
    module Delays
      # Of a message that waits: when it is due, in milliseconds since 1970, and where it goes then.
      DUE_AT = "active_job_due_at"
      TOPIC = "active_job_topic"

      class << self
        # @param message [Hash{Symbol=>Object}] for the topic of its queue
        # @param due_at [Numeric] seconds since 1970
        # @return [Hash{Symbol=>Object}] for the topic where it waits; the same where it is due
        # @raise [Errors::InvalidConfigurationError] the routes have no `active_job_delays`
        # @raise [WaterDrop::Errors::MessageInvalidError] no topic can have the name of its queue
        def delayed(message, due_at)
          target = message[:topic]
          # Kafka would say it of the job that is due, to a server.
          raise WaterDrop::Errors::MessageInvalidError.new("#{NAME_RULE}: #{target.inspect}", field: :topic) unless name?(target)
          # Not by the millisecond: `wait: 0` was a moment ago.
          return message unless due_at > ::Process.clock_gettime(::Process::CLOCK_REALTIME)

          due_ms = (due_at * 1_000).ceil
          message = message.except(:partition) if (place = stop(due_ms))
          return message unless place

          { **message, topic: place, headers: message.fetch(:headers, {}).merge(DUE_AT => due_ms.to_s, TOPIC => target) }
        end

        # @param message [Messages::Message] that has waited in one of them
        # @return [Hash{Symbol=>Object}, nil] where it goes now; nil: it is no job that waits
        def next(message)
          headers = message.raw_headers
          due_ms = Integer(headers[DUE_AT], exception: false)
          target = headers[TOPIC]
          return unless due_ms && name?(target)

          place = stop(due_ms)
          { topic: place || target, key: message.raw_key, payload: message.raw_payload,
            headers: place ? headers : headers.except(DUE_AT, TOPIC) }
        end

        # @param move [Hash{Symbol=>Object}] that {next} gave
        # @return [Boolean] whether it goes to another one of these topics
        def waits?(move)
          move[:headers].key?(DUE_AT)
        end

        private

        def name?(topic)
          topic && Setup::Types::NAME.allowed?(topic)
        end

        # @return [String, nil] the topic where it waits; nil: it is due
        def stop(due_ms)
          left = due_ms - ::Process.clock_gettime(::Process::CLOCK_REALTIME, :millisecond)
          return unless left.positive?

          topics = App.routes.topics.select(&:job_delay?).sort_by(&:delay_by)
          raise Errors::InvalidConfigurationError, ABSENT if topics.empty?

          (topics.reverse.find { |topic| topic.delay_by <= left } || topics.first).subscription_name
        end
      end

      ABSENT = "a job cannot wait: `set(wait:)`, `set(wait_until:)` and `retry_on` need `active_job_delays` in the routes, which draws " \
               "the topics that jobs wait in (retry_on with `wait: 0` does not)"
      NAME_RULE = "message[:topic] must be 1 to 249 characters out of a-z, A-Z, 0-9, '.', '_' and '-'"
      private_constant :ABSENT, :NAME_RULE
    end
  end
end
