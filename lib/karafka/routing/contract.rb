# frozen_string_literal: true

module Karafka
  module Routing
    # What routes have to fulfil as a whole; each setting alone was checked when it was made.
    class Contract
      # @param builder [Builder]
      def initialize(builder)
        @builder = builder
      end

      # @param classes_by_name [Boolean] whether all classes have to exist and be complete: as routes are drawn they need not yet be
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def check!(classes_by_name: false)
        @builder.topics.each { |topic| topic!(topic, classes_by_name) }
        JobsContract.new(@builder.topics).check!
        kafka!
        @builder.each do |group|
          filled!(group)
          once!(group)
          apart_in_metrics!(group)
          patterns!(group)
          apart!(group)
        end
      end

      private

      def topic!(topic, classes_by_name)
        classes_by_name ? consumer!(topic) : early_consumer!(topic)
        responder!(topic, classes_by_name)
        nodes!(topic) if classes_by_name
        Compat::SidekiqBackend.check!(topic) if classes_by_name && topic.backend == :sidekiq && !needless?(topic)
        namespacing!(topic)
        assigned!(topic)
        pauses!(topic)
        ages!(topic)
        topic.check_job_retention!
        FailuresContract.new(topic).check!
        ExactlyOnceContract.new(topic).check! if topic.exactly_once
        OwnFiltersContract.new(topic).check!(consumer: classes_by_name && !needless?(topic))
      end

      # Its methods may come later, as with a class that is reopened. What is no class at all never becomes one.
      def early_consumer!(topic)
        return if topic.declared_consumer.is_a?(String)

        consumer!(topic)
      rescue Errors::InvalidConfigurationError => e
        raise unless topic.declared_consumer.is_a?(Class)

        @builder.warn_once("#{e.message} A server does not start with it.")
      end

      def consumer!(topic)
        return if needless?(topic)

        klass = topic.consumer
        unless klass.is_a?(Class) && klass <= BaseConsumer
          Setup.invalid!("#{topic.label} consumer", klass, "a class that inherits from Karafka::BaseConsumer")
        end
        entry_point!(topic, klass)
      end

      # The one that the consumer's name suggests is not asked for here: its file may come later.
      def responder!(topic, classes_by_name)
        return if topic.declared_responder.nil? || (!classes_by_name && topic.declared_responder.is_a?(String))

        klass = topic.responder
        unless klass.is_a?(Class) && klass < BaseResponder
          Setup.invalid!("#{topic.label} responder", klass, "a class that inherits from Karafka::BaseResponder")
        end
        return unless klass.instance_method(:respond).owner == BaseResponder

        raise Errors::InvalidConfigurationError,
              "#{topic.label} responder is #{klass}, which has no method `respond`. " \
              "Define it, such as: def respond(data); respond_to :a_topic, data; end"
      end

      # A topic that is only declared, to be created, or that is not consumed here, needs no consumer.
      def needless?(topic)
        topic.declared_consumer.nil? && (!topic.active || topic.declared?)
      end

      def entry_point!(topic, klass)
        entry, base = klass.karafka_entry_point
        if klass.method_defined?(entry) && !base.ancestors.include?(klass.instance_method(entry).owner)
          return %I[#{entry} initialize].each { |name| without_arguments!(topic, klass, name) }
        end

        raise Errors::InvalidConfigurationError,
              "#{topic.label} consumer is #{klass}, which has no method `#{entry}`#{near_miss(klass, entry)}. " \
              "Define it, such as: def #{entry}; #{entry == :consume ? "messages.each { |message| … }" : "params …"}; end"
      end

      # Nothing is handed to them, so a batch would fail forever.
      def without_arguments!(topic, klass, name)
        return if [0, -1].include?(klass.instance_method(name).arity)

        raise Errors::InvalidConfigurationError,
              "#{topic.label} consumer is #{klass}, whose `#{name}` takes arguments, but is called without any. " \
              "A batch is in `messages`, and what a consumer needs is set up in `initialized`."
      end

      def near_miss(klass, entry)
        own = klass.instance_methods(false) + klass.private_instance_methods(false)
        return " (it is private there; make it public)" if own.include?(entry)

        nearest = DidYouMean::SpellChecker.new(dictionary: own).correct(entry).first
        nearest ? " (there is `#{nearest}`)" : ""
      end

      def namespacing!(topic)
        return if topic.pattern? || !App.config.strict_topics_namespacing
        return unless topic.name.include?(".") && topic.name.include?("_")

        Setup.invalid!("#{topic.label} name", topic.name, "with dots or with underscores, not both: Kafka's metrics cannot " \
                                                          "tell a.b from a_b. config.strict_topics_namespacing = false allows it")
      end

      # Also of topics that are names of their own: Kafka refuses to create the second of them.
      def apart_in_metrics!(group)
        return unless App.config.strict_topics_namespacing

        group.topics.reject(&:pattern?).map(&:name).uniq.group_by { |name| name.tr(".", "_") }.each_value do |names|
          next if names.size == 1

          raise Errors::InvalidConfigurationError,
                "#{group.label} has the topics #{names.join(" and ")}: Kafka's metrics cannot tell them apart, and Kafka creates only " \
                "one of them. config.strict_topics_namespacing = false allows it."
        end
      end

      def filled!(group)
        return unless group.unused?

        raise Errors::InvalidConfigurationError,
              "#{group.label} has no topics: draw one in its block, or leave the group out."
      end

      def assigned!(topic)
        return if topic.assign.nil? || !topic.subscription_group&.multiplexing?

        Setup.invalid!("#{topic.label} assign", topic.assign, "left out where `multiplexing` is on: each client would read all of it")
      end

      def nodes!(topic)
        chosen = topic.setting(:swarm) or return
        count = App.config.swarm.nodes
        if chosen.nodes.max >= count
          Setup.invalid!("#{topic.label} swarm nodes", chosen.nodes, "below config.swarm.nodes (#{count}): nodes are counted from 0")
        end
        return unless chosen.partitions? && topic.assign.nil?

        Setup.invalid!("#{topic.label} swarm nodes", chosen.to_h[:nodes],
                       "a list of nodes, as the group shares its partitions out; with `assign true` it can say who has which partition")
      end

      def pauses!(topic)
        return if topic.pause_timeout <= topic.pause_max_timeout

        Setup.invalid!("#{topic.label} pause_timeout", topic.pause_timeout, "at most pause_max_timeout (#{topic.pause_max_timeout})")
      end

      # What is too old before it is old enough would never be processed.
      def ages!(topic)
        delay = topic.delay_by
        limit = topic.expire_after
        return if delay.nil? || limit.nil? || limit > delay

        Setup.invalid!("#{topic.label} expire_after", limit, "more than delay_by (#{delay})")
      end

      # A group's settings are asked of librdkafka once, not again for each of its topics.
      def kafka!
        layers = @builder.topics.flat_map { |topic| [topic, topic.parent, topic.consumer_group] } << @builder.defaults_layer
        layers.uniq.filter_map(&:own_kafka_settings).each { |settings| Setup::KafkaContract.check!(settings, roles: %w[consumer]) }
        @builder.topics.select(&:own_kafka?).each { |topic| client!(topic) }
      end

      # All settings of the client, where they are not just those of the application.
      def client!(topic)
        settings = Setup::KafkaSettings.new(topic.kafka_settings, "#{topic.label} kafka")
        if settings.brokers.empty? && !topic.inherits_kafka? && !needless?(topic)
          raise Errors::InvalidConfigurationError,
                "#{topic.label} has kafka settings without \"bootstrap.servers\", which replace those of the application: add " \
                "`inherit: true` to keep them, as in: kafka(\"fetch.min.bytes\": 1, inherit: true)."
        end

        Oauth::Settings.check!(settings, App.config.oauth.token_provider_listener)
        Setup::KafkaContract.check_together!(settings, "consumer")
      end

      def once!(group)
        group.topics.group_by(&:name).each_value do |topics|
          next if topics.size == 1

          consumers = topics.map { |topic| topic.declared_consumer.inspect }.join(" and ")
          raise Errors::InvalidConfigurationError,
                "#{group.label} has the topic #{topics.first.name} #{topics.size} times, for #{consumers}. A group gets each " \
                "message once: draw the other one in a consumer_group of its own, or let one consumer do both."
        end
      end

      # Kafka takes offsets from clients that are no members only while their group has no members.
      def apart!(group)
        assigned, shared = group.topics.reject { |topic| topic.declared_consumer.nil? }.partition(&:assign)
        return if assigned.empty? || shared.empty?

        raise Errors::InvalidConfigurationError,
              "#{group.label} has #{assigned.first.label} with `assign` beside #{shared.first.label}, whose partitions the group shares " \
              "out: Kafka takes no offsets of the first one then. Draw topics with `assign` in a consumer_group of their own."
      end

      # Within one client a topic's own route goes before a pattern. Two clients would share its partitions at random.
      def patterns!(group)
        patterns, named = group.topics.partition(&:pattern?)
        patterns.product(named).each do |pattern, topic|
          next unless pattern.matches?(topic.subscription_name)
          next if pattern.subscription_group.equal?(topic.subscription_group)

          raise Errors::InvalidConfigurationError,
                "#{pattern.label} also matches #{topic.label} in #{group.label}, with other settings of the client: Kafka would give " \
                "its partitions to either. Draw one of them in a consumer_group of its own, or give both the same kafka settings."
        end
      end
    end
  end
end
