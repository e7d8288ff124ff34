# frozen_string_literal: true

module Karafka
  module Routing
    # The settings of a {Layer} that say which messages are handed over, and how fast.
    module FilterSettings
      NAMES = %i[only throttle throttling filter].freeze
      OPTIONS = %i[limit interval].freeze
      THROTTLED = "throttle limit: 100, interval: 1_000"
      private_constant :OPTIONS, :THROTTLED

      # Leaves out what does not match before it becomes a Ruby object.
      # @overload only(key: nil, header: {}, json: {})
      #   @param key [String, Regexp, nil, Array] of the message
      #   @param header [Hash{String=>String, Regexp, nil, Array}]
      #   @param json [Hash{String=>Object}] fields of a JSON payload: { "user.id" => [5, 7] }
      # @overload only(nil)
      #   Everything is wanted again, where a layer above says otherwise.
      # @return [Filter, nil] without arguments: what holds here
      # @raise [Errors::InvalidConfigurationError]
      def only(none = UNSET, **conditions)
        if UNSET.equal?(none) && conditions.empty?
          reading!(:only, "only key: /…/")
          return setting(:only)
        end
        return @own[:only] = nil if none.nil? && conditions.empty?

        Setup.invalid!("#{label} only", none, "conditions such as key: /…/, header: { … } or json: { … }, or nil") unless UNSET.equal?(none)
        @own[:only] = Filter.new("#{label} only", conditions)
      end

      # Adds a filter of the application's own, which runs in Ruby before `consume` and behind what `only` leaves out. Several are
      # applied one after the other, those of the layers above first.
      # @param filter [Class, #call, #apply!] a class with `apply!(messages)`, what makes such an object for a topic and a partition, or
      #   such an object, of which each partition gets a copy
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      # @see Consumers::Filter
      def filter(filter = UNSET)
        reading!(:filter, "filter SomeFilter") if UNSET.equal?(filter)
        Setup.invalid!("#{label} filter", nil, "given: filter SomeFilter") if UNSET.equal?(filter)
        (@filters ||= []) << OwnFilter.new(label, filter)
      end

      # @return [Array<OwnFilter>] those that hold here
      def filters
        [*(parent.filters if parent.respond_to?(:filters)), *@filters]
      end

      # Limits the rate of this topic; in a consumer group or subscription group of all its topics together; in `defaults`
      # of each topic by itself.
      # @param limit [Integer] messages
      # @param interval [Integer] ms, 60_000 if it is not given
      # @return [Throttle, nil] without arguments: that of this place
      # @raise [Errors::InvalidConfigurationError]
      def throttle(none = UNSET, **given)
        Setup.invalid!("#{label} throttle", none, "given as limit: 100, interval: 1_000") unless UNSET.equal?(none)
        if given.empty?
          reading!(:throttle, THROTTLED)
          return @throttle
        end
        no_others!(:throttle, given.keys - OPTIONS, OPTIONS)
        Setup.invalid!("#{label} throttle limit", nil, "given: #{THROTTLED}") unless given.key?(:limit)
        @throttle = Throttle.new(label, **given)
      end

      # Karafka's other name for {#throttle}.
      # @return [Throttle, nil]
      def throttling(...)
        throttle(...)
      end

      # @return [Throttle, nil] that of `defaults`
      # @api private
      def default_throttle
        parent.is_a?(FilterSettings) ? parent.default_throttle : @throttle
      end
    end
  end
end
