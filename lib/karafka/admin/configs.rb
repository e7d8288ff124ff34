# frozen_string_literal: true

module Karafka
  class Admin
    # Kafka's settings of topics, brokers and consumer groups.
    class Configs < Area
      # @param resources [Array<Resource>]
      # @return [Array<Resource>] new ones with their `configs`, in this order
      # @raise [Errors::KafkaError] `code` is :unknown_topic_or_part, …
      def describe(*resources)
        asked = resources.flatten.map { |resource| resource!(resource) }
        # With changes a resource would be described by these settings alone.
        found = ask(:describe_configs, resources: asked.map { |resource| { **resource.to_engine, changes: [] } })
        found.map { |resource| Resource.new(type: resource[:type].to_sym, name: resource[:name], configs: resource[:configs]) }
      end

      # Makes the changes that were noted on the resources, and leaves their other settings as they are. All changes of one
      # resource are made, or none; resources are changed one by one.
      # @param resources [Array<Resource>]
      # @param dry_run [Boolean] only check whether the brokers would do it
      # @return [true]
      # @raise [Errors::KafkaError] `code` is :invalid_config, :unknown_topic_or_part, …
      def alter(*resources, dry_run: false)
        changed = resources.flatten.map { |resource| resource!(resource) }
        unchanged = changed.find { |resource| resource.changes.empty? }
        Setup.invalid!("the resource", unchanged, "one with changes: call set, delete, append or subtract on it first") if unchanged

        ask(:alter_configs, resources: changed.map(&:to_engine), validate_only: dry_run)
      end

      on_application :describe, :alter

      private

      def resource!(resource)
        return resource if resource.is_a?(Resource)

        Setup.invalid!("the resource", resource, "a Karafka::Admin::Configs::Resource")
      end
    end
  end
end
