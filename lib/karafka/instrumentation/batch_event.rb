# frozen_string_literal: true

module Karafka
  module Instrumentation
    # An event that comes with each batch, about a consumer or a worker. Subscribers mostly ask for a field or two, so the Hash is made for
    # those that ask for all.
    class BatchEvent < Event
      # @param id [String]
      # @param caller [BaseConsumer, Worker]
      # @param job [Worker::Job, nil] nil: the event has none
      # @param time [Float, nil] ms; nil: nothing is measured
      def initialize(id, caller, job = nil, time = nil) # rubocop:disable Lint/MissingSuper -- there is no other payload
        @id = id
        @caller = caller
        @job = job
        @time = time
      end

      # @param key [Symbol]
      # @return [Object, nil]
      def [](key)
        case key
        when :caller then @caller
        when :job then @job
        when :time then @time
        else payload[key]
        end
      end

      private

      def to_payload
        payload = { caller: @caller }
        payload[:job] = @job if @job
        payload[:time] = @time if @time
        payload
      end
    end
  end
end
