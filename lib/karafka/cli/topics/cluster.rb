# frozen_string_literal: true

module Karafka
  module Cli
    module Topics
      # What the commands about topics share: the cluster and what is declared there.
      module Cluster
        include OnCluster

        private

        def managed = @managed ||= App.declaratives.topics.to_h { |topic| [topic.name, topic] }

        # @return [Hash{String=>Array<Admin::Configs::Config>}]
        def configs(names)
          return {} if names.empty?

          resources = names.map { |name| Admin::Configs::Resource.new(type: :topic, name: name) }
          admin.configs.describe(*resources).to_h { |resource| [resource.name, resource.configs] }
        end

        def replicas(topic) = topic[:partitions].map { |partition| partition[:replica_count] }.max
      end
    end
  end
end
