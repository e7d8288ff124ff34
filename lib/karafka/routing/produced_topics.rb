# frozen_string_literal: true

module Karafka
  module Routing
    # Where what comes in by a topic goes: its responder, and what else is declared. `karafka flow` shows it.
    module ProducedTopics
      # A topic that messages are sent to. `kind` says by what: :responder, :declared, or the name of a feature.
      Target = Struct.new(:name, :kind, :required, :multiple_usage, :async, keyword_init: true) do
        # @return [String] as Kafka calls it
        def kafka_name
          TopicNames.in_kafka(name)
        end
      end

      # The responder of a consumer (Karafka 1.x).
      # @param klass [Class<BaseResponder>, String, Symbol] a Class, or its name where it cannot be loaded yet
      # @return [Class<BaseResponder>, nil] without an argument: that, else the one the consumer's name suggests
      def responder(klass = UNSET)
        unless UNSET.equal?(klass)
          Setup.invalid!("#{label} responder", klass, "a class that inherits from Karafka::BaseResponder, or its name") if klass.nil?
          return @responder = klass.is_a?(Symbol) ? klass.to_s : klass
        end

        reading!(:responder, "responder SomeResponder")

        case @responder
        when nil then ResponderLookup.for(consumer)
        when String then constantize(@responder, "responder")
        when Class then !consumer_persistence && @responder.name ? constantize(@responder.name, "responder") : @responder
        else @responder
        end
      end

      # @return [Object] what was given to {#responder}, as it was given
      def declared_responder
        @responder
      end

      # Says, for `karafka flow` alone, which topics the consumer produces to. It is checked nowhere.
      # @param names [Array<String, Symbol>]
      # @param required [Boolean] always, or only at times
      # @param multiple_usage [Boolean] one message or more each time
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def produces(*names, required: false, multiple_usage: true, **unknown)
        no_others!(:produces, unknown.keys, %i[required multiple_usage])
        Setup.invalid!("#{label} produces", nil, "given topics, such as: produces :receipts, required: true") if names.empty?
        { required: required, multiple_usage: multiple_usage }.each do |name, value|
          Setup::Types::BOOLEAN.check("#{label} produces #{name}", value)
        end
        names.each do |name|
          name = Setup::Types::NAME.check("#{label} produces", name).dup.freeze
          produced[name] = Target.new(name: name, kind: :declared, required: required, multiple_usage: multiple_usage)
        end
      end

      # What takes messages of this topic further adds itself here.
      # @return [Array<Target>] by name
      def outgoing_topics
        declared = responder ? responder.topics.values : []
        targets = declared.map do |topic|
          Target.new(name: topic.name, kind: :responder, required: topic.required?, multiple_usage: topic.multiple_usage?,
                     async: topic.async?)
        end
        (targets + produced.values + failure_targets).sort_by(&:name)
      end

      # @return [#call, nil] what responders use for topics that declare no serializer; a `parser` of Karafka 1.x that can
      #   `generate`
      def serializer
        parser = deserializer
        parser.parser.method(:generate) if parser.is_a?(Compat::ParserDeserializer) && parser.parser.respond_to?(:generate)
      end

      private

      def produced
        @produced ||= {}
      end

      def failure_targets
        stage = next_stage
        names = { retry_topic: stage&.name, dead_letter_queue: dead_letter_queue.topic || nil }.compact
        names.map { |kind, name| Target.new(name: name, kind: kind, required: false, multiple_usage: true, async: false) }
      end
    end
  end
end
