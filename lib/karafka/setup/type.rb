# frozen_string_literal: true

module Karafka
  module Setup
    # What a setting may be: a description for people, a test, and a conversion to the form that is kept.
    class Type
      # @return [String] completes "must be …"
      attr_reader :description

      # @param description [String]
      # @param convert [Proc, nil]
      # @param secret [Boolean] whether a wrong value is not shown
      # @yieldparam value [Object] converted
      # @yieldreturn [Boolean] whether it is allowed
      def initialize(description, convert: nil, secret: false, &test)
        @description = description
        @convert = convert
        @secret = secret
        @test = test
      end

      # @param setting [String] full name, for the message
      # @param value [Object]
      # @return [Object] the value in the form that is kept
      # @raise [Errors::InvalidConfigurationError]
      def check(setting, value)
        duration!(setting, value) if Setup.duration?(value)
        converted = convert(value)
        return converted if allowed?(converted)

        Setup.no_hash!(setting, value, description) if @secret
        Setup.invalid!(setting, value, description)
      end

      # It says that it is an Integer, of seconds.
      def duration!(setting, value)
        Setup.invalid!(setting, value, "#{description}. A duration counts in seconds: write #{value.to_i * 1000}, or .in_milliseconds " \
                                       "behind it")
      end
      private :duration!

      # @param value [Object]
      # @return [Object] in the form that is kept
      def convert(value)
        @convert ? @convert.call(value) : value
      end

      # @param converted [Object]
      # @return [Boolean]
      def allowed?(converted)
        @test.call(converted)
      end
    end
  end
end
