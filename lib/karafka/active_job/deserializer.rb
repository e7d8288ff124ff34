# frozen_string_literal: true

require "json"

module Karafka
  module ActiveJob
    # What a job is in Kafka, in both directions: JSON of what Active Job makes of it. One that inherits from this class, for another
    # format, is set with `config.active_job.deserializer`.
    class Deserializer
      # @param job [::ActiveJob::Base]
      # @return [String] the payload
      def serialize(job)
        # Active Job has made Strings, numbers, Arrays and Hashes of all arguments.
        JSON.generate(job.serialize)
      end

      # @param message [Messages::Message]
      # @return [Hash{String=>Object}] what `job.serialize` gave
      def deserialize(message)
        message.payload
      end
    end
  end
end
