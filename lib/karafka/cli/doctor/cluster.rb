# frozen_string_literal: true

module Karafka
  module Cli
    module Doctor
      # What the checks ask for, each thing once: the cluster, and the groups and topics of the routes. Where a question has failed, it
      # is not asked again.
      class Cluster
        LOST = "the cluster cannot be asked, see `connection`"
        private_constant :LOST

        # @return [Admin]
        attr_reader :admin
        # @return [Numeric] seconds that one question may take
        attr_reader :patience

        # @param admin [Admin]
        # @param patience [Numeric]
        # @param named [Array<String>] groups besides those of the routes
        def initialize(admin, patience, named: [])
          @admin = admin
          @patience = patience
          @named = named
          @known = {}
        end

        # @return [Setup::KafkaSettings]
        def kafka = App.config.kafka

        # @return [Admin::ClusterInfo]
        # @raise [Errors::KafkaError] no broker can be asked
        def info = once(:info) { admin.cluster_info }

        # @return [Hash{String=>Hash}] as {Admin::Topics#info}, by name
        def topics = once(:topics) { info.topics.to_h { |topic| [topic[:topic_name], topic] } }

        # @return [Array<Routing::Topic>] that are consumed
        def routes = App.routes.topics.select(&:active?)

        # @return [Hash{String=>Array<Routing::Topic>}] by group in Kafka
        def routed = routes.group_by { |topic| topic.consumer_group.id }

        # @return [Array<String>] names in Kafka of the routes' topics, without patterns
        def consumed = routes.reject(&:pattern?).map(&:subscription_name).uniq

        # @return [Array<String>] topics that failed messages are moved to
        def moved_to = Failures::Topics.names(routes)

        # @return [Array<String>] all topics that the routes need
        def needed = (consumed + moved_to).uniq

        # @return [Array<String>] of the routes, and those that were named
        def groups = (routed.keys + @named).uniq

        # @return [Hash{String=>Admin::Group}] those that can be described
        def described
          once(:described) do
            known = groups - rights[:groups].select { |_, right| right[:error] && right[:error] != "group_id_not_found" }.keys
            known.empty? ? {} : admin.consumer_groups.describe(known).to_h { |group| [group.id, group] }
          end
        end

        # @return [Hash{Symbol=>Hash{String=>Hash}}] `topics` and `groups`: what this client may do with each
        def rights = once(:rights) { admin.rights(topics: needed, groups: groups) }

        # @return [Hash{String=>Hash{String=>String}}] settings by topic, of those that exist
        def topic_settings
          once(:topic_settings) do
            names = needed & topics.keys
            next {} if names.empty?

            described = admin.configs.describe(*names.map { |name| Admin::Configs::Resource.new(type: :topic, name: name) })
            described.to_h { |resource| [resource.name, resource.configs.to_h { |config| [config.name, config.value] }] }
          end
        end

        # @return [Hash{String=>String}] settings of one broker: those that groups and topics meet are the same on all
        def broker_settings
          once(:broker_settings) do
            broker = info.brokers.first[:broker_id]
            resource = admin.configs.describe(Admin::Configs::Resource.new(type: :broker, name: broker)).first
            resource.configs.to_h { |config| [config.name, config.value] }
          end
        end

        # @return [Hash{Routing::SubscriptionGroup=>Hash{String=>String}}] all settings that librdkafka gets, by client
        def clients
          once(:clients) do
            next {} if App.routes.topics.none?(&:active?)

            config = Engine::Config.new
            config.subscription_groups.to_h { |group| [group, config.kafka(group)] }
          end
        end

        # Nothing more is asked: each question would take its whole time in vain.
        # @return [void]
        def lose
          @lost = true
        end

        # @return [Hash{Integer=>Hash{Integer=>Integer}, nil}] which requests each broker takes, where that was asked
        def requests = @requests || {}

        # @param requests [Hash{Integer=>Hash{Integer=>Integer}, nil}]
        # @return [void]
        def heard(requests)
          @requests = requests
        end

        private

        def once(name)
          raise Errors::CommandError, LOST if @lost && name != :clients

          @known[name] ||= begin
            [yield, nil]
          rescue Errors::BaseError => e
            [nil, e]
          end
          value, failure = @known[name]
          failure ? raise(failure) : value
        end
      end
    end
  end
end
