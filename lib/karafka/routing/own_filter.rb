# frozen_string_literal: true

module Karafka
  module Routing
    # A filter that the application has written, as `filter` of the routes takes it: how each partition gets its own.
    class OwnFilter
      ALLOWED = "a class with apply!(messages), an object with it, or what makes one: ->(topic, partition) { … }"
      private_constant :ALLOWED

      # @param label [String] what the user calls the place, for messages
      # @param given [Class, #call, #apply!]
      # @raise [Errors::InvalidConfigurationError]
      def initialize(label, given)
        @label = label
        @given = given
        Setup.invalid!("#{label} filter", given, ALLOWED) unless filter?(given) || given.respond_to?(:call) || filter_class?(given)
      end

      # @param topic [Topic]
      # @param partition [Integer]
      # @return [#apply!]
      # @raise [Errors::InvalidConfigurationError] what was made is no filter
      def for(topic, partition)
        made = make(topic, partition)
        return made if filter?(made)

        Setup.invalid!("#{@label} filter", made, "made an object with apply!(messages)")
      end

      # @return [String]
      def inspect = "#<#{self.class} #{@given.inspect}>"

      private

      def filter?(object) = object.respond_to?(:apply!)
      def filter_class?(given) = given.is_a?(Class) && given.method_defined?(:apply!)

      # A factory may take the topic and the partition, or nothing.
      def make(topic, partition)
        return @given.call(topic, partition) if @given.respond_to?(:call)

        filter_class?(@given) ? @given.new : @given.clone
      end
    end
  end
end
