# frozen_string_literal: true

module Karafka
  module Responders
    # A topic that a responder declares.
    class Topic
      # option => [default, what it must be]
      OPTIONS = {
        required: [true, Setup::Types::BOOLEAN],
        multiple_usage: [false, Setup::Types::BOOLEAN],
        async: [false, Setup::Types::BOOLEAN],
        serializer: [nil, Setup::Types.optional(Setup::Types::SERIALIZER)]
      }.freeze
      private_constant :OPTIONS

      # @return [String] as the application calls it
      attr_reader :name
      # @return [#call, nil] nil: whatever is the default
      attr_reader :serializer

      # @param name [Symbol, String]
      # @param options [Hash{Symbol=>Object}]
      # @param responder [Class] for messages
      # @raise [Errors::InvalidConfigurationError]
      def initialize(name, options, responder)
        @name = Setup::Types::NAME.check("#{responder} topic", name).dup.freeze
        label = "#{responder} topic #{@name}"
        options.each_key { |option| Setup.unknown!("option", option, OPTIONS.keys, prefix: "#{label} ") unless OPTIONS.key?(option) }
        OPTIONS.each do |option, (default, type)|
          instance_variable_set(:"@#{option}", type.check("#{label} #{option}", options.fetch(option, default)))
        end
      end

      # @return [Boolean] whether each call has to use it
      def required?
        @required
      end

      # @return [Boolean] whether a call may use it more than once
      def multiple_usage?
        @multiple_usage
      end

      # @return [Boolean] whether nobody waits for Kafka's answer
      def async?
        @async
      end

      # @return [Hash{Symbol=>Object}]
      def to_h
        { name: name, required: required?, multiple_usage: multiple_usage?, async: async?, serializer: serializer }
      end
    end
  end
end
