# frozen_string_literal: true

module Karafka
  module Declaratives
    # What the routes say of topics.
    # @api private
    module Routed
      class << self
        # @return [Array<Topic>] of each topic with `config`, also one that is not managed
        def declarations
          declared = named.select { |route| route.setting(:declaration) }
          declared.map { |route| declaration(route.subscription_name, route.setting(:declaration)) }
        end

        # @return [Array<String>] topics that the application consumes, or moves messages to
        def names
          consumed = named.select(&:active?)
          moved_to = consumed.map { |route| route.dead_letter_queue.topic }.grep(String)
          (consumed.map(&:subscription_name) + moved_to).uniq
        end

        private

        # Of a pattern the topics are known only in Kafka.
        def named
          App.routes.topics.reject(&:pattern?)
        end

        def declaration(name, given)
          Topic.new(name).tap do |topic|
            topic.config(active: given.active, partitions: given.partitions, replication_factor: given.replication_factor, **given.details)
          end
        end
      end
    end
    private_constant :Routed
  end
end
