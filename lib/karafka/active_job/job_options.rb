# frozen_string_literal: true

module Karafka
  module ActiveJob
    # How jobs of a class are sent: `karafka_options` in the class, which those that inherit from it have as well.
    #
    # @example Jobs of one account run in the order in which they were enqueued
    #   class ChargeJob < ApplicationJob
    #     karafka_options dispatch_method: :produce_sync, partitioner: ->(job) { job.arguments.first.to_gid.to_s }
    #   end
    module JobOptions
      T = Setup::Types
      TYPES = {
        dispatch_method: T.one_of(:produce_async, :produce_sync, :produce_after_commit),
        dispatch_many_method: T.one_of(:produce_many_async, :produce_many_sync, :produce_many_after_commit),
        partitioner: T::CALLABLE,
        partition_key_type: T.one_of(:key, :partition_key, :partition)
      }.freeze
      DEFAULTS = {
        dispatch_method: :produce_async, dispatch_many_method: :produce_many_async, partitioner: :job_id.to_proc, partition_key_type: :key
      }.freeze
      private_constant :T, :TYPES, :DEFAULTS

      # @api private
      def self.extended(base)
        base.class_attribute :karafka_job_options, instance_accessor: false, default: DEFAULTS
      end

      # @option given [Symbol] :dispatch_method (:produce_async) of the producer, for one job: also :produce_sync, and
      #   :produce_after_commit
      # @option given [Symbol] :dispatch_many_method (:produce_many_async) for `perform_all_later`: also :produce_many_sync, and
      #   :produce_many_after_commit
      # @option given [#call] :partitioner (the job's id) takes the job; jobs for which it gives the same keep their order
      # @option given [Symbol] :partition_key_type (:key) what that becomes: the message's :key, its :partition_key, or the number of
      #   its :partition
      # @return [Hash{Symbol=>Object}] those that hold
      # @raise [Errors::InvalidConfigurationError]
      def karafka_options(**given)
        return karafka_job_options if given.empty?

        checked = given.to_h do |name, value|
          Setup.unknown!("option", name, TYPES.keys, prefix: "#{self.name} karafka_options ") unless TYPES.key?(name)

          [name, TYPES[name].check("#{self.name} karafka_options #{name}", value)]
        end
        self.karafka_job_options = karafka_job_options.merge(checked).freeze
      end
    end
  end
end
