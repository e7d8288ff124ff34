# frozen_string_literal: true

require_relative "../karafka" unless defined?(Karafka::App)

begin
  require "active_job"
rescue LoadError
  raise Karafka::Errors::InvalidConfigurationError,
        "`active_job_topic` and the adapter :karafka need the gem activejob, which is not installed: add gem \"activejob\" to the Gemfile"
end

module Karafka
  # Jobs of Active Job in Kafka: a queue is a topic. Loaded with Active Job itself, or by the first route that needs it.
  module ActiveJob
    class << self
      # @return [Deserializer] what `config.active_job.deserializer` says, or JSON
      # @api private
      def deserializer
        App.config.active_job.deserializer || (@deserializer ||= Deserializer.new)
      end
    end
  end
end

require_relative "active_job/job_options"
require_relative "active_job/deserializer"
require_relative "active_job/current_attributes"
require_relative "active_job/delays"
require_relative "active_job/dispatch"
require_relative "active_job/adapter"
require_relative "active_job/consumer"
require_relative "active_job/delay_consumer"

ActiveSupport.on_load(:active_job) do
  extend Karafka::ActiveJob::JobOptions
  # Rails' own call-back, which loads changed code, goes around this one.
  ActiveJob::Callbacks.singleton_class.set_callback(:execute, :around) { |_, inner| Karafka::ActiveJob::CurrentAttributes.around(inner) }
end
