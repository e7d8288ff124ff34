# frozen_string_literal: true

module Karafka
  module Routing
    # A place in the routes where settings can be made: the defaults, a consumer group, a subscription group, a topic.
    # What a layer does not set comes from its parent when it is *read*, so the order of the routes does not matter.
    class Layer
      include DslChecks
      include FailureSettings
      include ParallelSettings
      include FilterSettings
      include PeriodicSettings
      include DeclarativeSettings
      include SwarmSettings

      T = Setup::Types
      # Settings that every layer has: those that the application has, too, and some of the routes alone. Times in milliseconds.
      TYPES = T::ROUTED.merge(
        eofed: T::BOOLEAN,
        exactly_once: T::BOOLEAN,
        inline_insights: T::BOOLEAN,
        active: T::BOOLEAN,
        delay_by: T.optional(T::DELAY),
        expire_after: T.optional(T::DELAY),
        on_deserialization_error: T.one_of(:raise, :dead_letter, :skip)
      ).freeze

      # Other names of theirs, from Karafka's other generations.
      ALIASES = {
        persistent: :consumer_persistence, batch_processing: :batch_consuming, batch_mode: :batch_fetching,
        delaying: :delay_by, expire_in: :expire_after, expiring: :expire_after
      }.freeze

      # The options of {#pause}.
      PAUSE = { timeout: :pause_timeout, max_timeout: :pause_max_timeout,
                with_exponential_backoff: :pause_with_exponential_backoff }.freeze

      # Names of 1.x that are translated by {Compat::KafkaNames} in every layer.
      LEGACY = %i[start_from_beginning max_bytes_per_partition].freeze
      private_constant :T, :ALIASES, :LEGACY, :PAUSE

      # @return [String] what the user calls this place, for messages
      attr_reader :label
      # @return [Layer, ConfigDefaults] where settings come from that are not made here
      attr_reader :parent

      # @param label [String]
      # @param parent [Layer, ConfigDefaults]
      def initialize(label, parent)
        @label = label
        @parent = parent
        @own = {}
        @own_kafka = nil
        @inherits_kafka = true
        @deserializers = {}
        @throttle = nil
      end

      (TYPES.keys - %i[inline_insights]).each do |name|
        define_method(name) { |value = UNSET| UNSET.equal?(value) ? read(name) : set(name, value) }
      end

      ALIASES.each { |old, name| alias_method old, name }

      LEGACY.each { |name| define_method(name) { |value| legacy(name, value) } }

      %i[active batch_consuming batch_fetching consumer_persistence manual_offset_management eofed exactly_once
         inline_insights].each do |name|
        define_method(:"#{name}?") { setting(name) }
      end

      # @param inline [Boolean] of 2016: true stands for `backend :inline`, false for `backend :sidekiq`
      # @return [void]
      def inline_mode(inline)
        backend(inline ? :inline : :sidekiq)
      end
      alias inline_processing inline_mode

      # librdkafka's statistics of the partition, in {Consumers::Situation#insights}.
      # @param active [Boolean]
      # @param required [Boolean] true: no batch begins before there are any
      # @return [Boolean] without an argument: whether they are wanted
      def inline_insights(active = UNSET, required: UNSET)
        return read(:inline_insights) if UNSET.equal?(active) && UNSET.equal?(required)

        @own[:insights_required] = T::BOOLEAN.check("#{@label} inline_insights required", required) unless UNSET.equal?(required)
        set(:inline_insights, UNSET.equal?(active) ? true : active)
      end

      # @return [Boolean]
      def insights_required?
        setting(:inline_insights) && setting(:insights_required)
      end

      # Karafka's word for work that may take as long as it wants. Polling never stops for slow work here, so all it does is to
      # lift the {#long_running_limit}.
      # @param long [Boolean]
      # @return [Boolean] without an argument: whether there is no limit
      def long_running_job(long = UNSET)
        return read(:long_running_limit, :long_running_job) == false if UNSET.equal?(long)

        T::BOOLEAN.check("#{@label} long_running_job", long)
        long_running_limit(false) if long
      end
      alias long_running_job? long_running_job
      # Karafka's other names for it.
      alias non_blocking_job long_running_job
      alias non_blocking long_running_job

      # Karafka's name for the three `pause_…` settings together.
      # @param timeout [Integer] ms
      # @param max_timeout [Integer] ms
      # @param with_exponential_backoff [Boolean]
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def pause(*others, **given)
        no_others!(:pause, given.keys - PAUSE.keys, PAUSE.keys)
        Setup.invalid!("#{@label} pause", others.first, "given as timeout: 1_000, max_timeout: 30_000") if others.any? || given.empty?
        given.each { |name, value| set(PAUSE.fetch(name), value) }
      end

      # Settings of librdkafka for this place alone. They replace those of the application, unless `inherit: true`.
      # @param settings [Hash]
      # @return [Hash] without arguments: all that hold here
      def kafka(settings = nil, **more)
        if settings.nil? && more.empty?
          reading!(:kafka, '"fetch.min.bytes": 1, inherit: true')
          return kafka_settings
        end

        unless settings.nil? || settings.respond_to?(:to_hash)
          Setup.no_hash!("#{@label} kafka", settings, "a Hash of librdkafka's settings")
        end
        given = settings.to_h.merge(more)
        inherit = given.find { |key, _| key.to_s == "inherit" }&.last
        @inherits_kafka = Setup::Types::BOOLEAN.check("#{@label} kafka inherit", inherit.nil? ? false : inherit)
        own_kafka.merge!(given.reject { |key, _| key.to_s == "inherit" })
      end

      # @param payload [#call]
      # @param key [#call]
      # @param headers [#call]
      # @return [Deserializers::Set] without arguments: those that hold here
      def deserializers(**given)
        if given.empty?
          reading!(:deserializers, "deserializers payload: SomeDeserializer.new")
          return Deserializers::Set.new(**Deserializers::Set.members.to_h { |part| [part, deserializer_for(part)] })
        end

        given.each do |part, deserializer|
          unless Deserializers::Set.members.include?(part)
            Setup.unknown!("deserializer", part, Deserializers::Set.members, prefix: "#{@label} deserializers ")
          end

          @deserializers[part] = Setup::Types::DESERIALIZER.check("#{@label} deserializers #{part}", deserializer)
        end
      end

      # @param payload [#call] takes the message
      # @return [#call] without an argument: the one that holds here
      def deserializer(payload = UNSET)
        return deserializers(payload: payload) unless UNSET.equal?(payload)

        reading!(:deserializer)
        deserializer_for(:payload)
      end

      # @param parser [#parse] of Karafka 1.x: takes the payload's String
      # @return [void]
      def parser(parser)
        deserializer(Compat::ParserDeserializer.new(Setup::Types::PARSER.check("#{@label} parser", parser)))
      end

      # @param name [Symbol] one of {TYPES}
      # @return [Object] what holds here
      def setting(name)
        @own.fetch(name) { parent.setting(name) }
      end

      # @param name [Symbol]
      # @return [Boolean] whether this layer or one above it, below the application's configuration, sets it
      def explicit?(name)
        @own.key?(name) || parent.explicit?(name)
      end

      # @param part [:payload, :key, :headers]
      # @return [#call]
      def deserializer_for(part)
        @deserializers.fetch(part) { parent.deserializer_for(part) }
      end

      # @return [Setup::KafkaSettings, nil] those made here
      def own_kafka_settings
        @own_kafka
      end

      # @return [Boolean] whether this layer or one above it has settings of librdkafka
      def own_kafka?
        !@own_kafka.nil? || parent.own_kafka?
      end

      # @return [Boolean] whether those of the application hold where none are set here
      def inherits_kafka?
        (@own_kafka.nil? || @inherits_kafka) && parent.inherits_kafka?
      end

      # @return [Setup::KafkaSettings] all that hold here
      def kafka_settings
        return parent.kafka_settings if @own_kafka.nil?

        @inherits_kafka ? parent.kafka_settings.overridden_by(@own_kafka) : @own_kafka.dup
      end

      private

      def read(name, called = name)
        reading!(called)
        setting(name)
      end

      def set(name, value)
        @own[name] = TYPES.fetch(name).check("#{@label} #{name}", value)
      end

      def own_kafka
        @own_kafka ||= Setup::KafkaSettings.new({}, "#{@label} kafka") { |name, value| translated(name, value) }
      end

      # What a name of 1.x stands for. There, a pause had no upper limit unless one was set.
      def translated(name, value)
        Compat::KafkaNames.not_for_producers!(name)
        set(name, value)
        set(:pause_max_timeout, value) if name == :pause_timeout && value > setting(:pause_max_timeout)
      end

      # A name of 1.x adds to the settings made before.
      def legacy(name, value)
        own_kafka.public_send(:"#{name}=", value)
      end

      # Names this layer answers to; subclasses add theirs.
      def known_names
        TYPES.keys + ALIASES.keys + LEGACY + FilterSettings::NAMES + ParallelSettings.public_instance_methods(false) + %i[swarm] +
          FailureSettings.public_instance_methods(false).grep_v(/\?/) +
          %i[periodic periodic_job] + %i[long_running_job non_blocking_job pause config kafka deserializers deserializer parser]
      end

      # @return [:topic, :group] how messages call its settings
      def kind
        :group
      end

      def respond_to_missing?(_name, _include_private = false)
        false
      end

      def method_missing(name, *values, **options)
        return super if name.start_with?("to_") || name.end_with?("?")
        raise NotYet.error(kind, name) if NotYet::TOPIC.include?(name) || NotYet::GROUP.include?(name)

        Setup.unknown!("setting", name, known_names, prefix: "#{@label} ", bare: values.empty? && options.empty? && !block_given?)
      end
    end
  end
end
