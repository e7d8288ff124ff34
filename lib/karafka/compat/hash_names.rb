# frozen_string_literal: true

module Karafka
  module Compat
    # `params` of Karafka 1.0 to 1.2 was a Hash. Whoever serializes a message, merges it or builds a record with it gets its
    # payload; so does whoever calls another of Hash's methods.
    module HashNames
      # Of Hash, but not of a message: they would make a list of pairs of it where one message or many are taken.
      NEVER = %i[to_a to_ary to_proc to_set deconstruct_keys].freeze
      private_constant :NEVER

      # @return [Hash] the payload
      # @raise [TypeError] it is something else
      def to_hash
        fields = payload
        return fields.to_hash if fields.respond_to?(:to_hash)

        raise TypeError, "the payload of #{topic}/#{partition}@#{offset} is #{fields.class}, not a Hash"
      end

      # @return [Hash] the payload
      def to_h
        payload.to_h
      end

      # @return [String] the payload as JSON
      def to_json(...)
        payload.to_json(...)
      end

      # @return [Object] what ActiveSupport makes JSON of: the payload
      def as_json(...)
        payload.respond_to?(:as_json) ? payload.as_json(...) : payload
      end

      # @param others [Array<Hash>]
      # @return [Hash] the payload's fields and these
      def merge(*others, &)
        fields = to_hash
        fields.merge(*others.map { |other| other.to_hash.transform_keys { |name| karafka_field(fields, name) } }, &)
      end

      # @param names [Array<String, Symbol>]
      # @return [Hash] the payload's other fields
      def except(*names)
        fields = to_hash
        fields.except(*names.map { |name| karafka_field(fields, name) })
      end

      # Takes a field away, as ActiveRecord does with some of those it gets.
      # @param name [String, Symbol]
      # @return [Object, nil] its value
      def delete(name)
        fields = to_hash
        fields.delete(karafka_field(fields, name))
      end

      # A message is never blank, whatever is in it: ActiveSupport would ask its payload.
      # @return [false]
      def blank? = false

      # @return [true]
      def present? = true

      private

      # A field is found by String and by Symbol.
      def karafka_field(fields, name)
        fields.key?(other_form(name)) ? other_form(name) : name
      end

      def karafka_of_hash?(name)
        ::Hash.method_defined?(name) && !NEVER.include?(name)
      end

      def respond_to_missing?(name, include_private = false)
        karafka_of_hash?(name) || super
      end

      def method_missing(name, ...)
        return super unless karafka_of_hash?(name) && payload.respond_to?(name)

        payload.public_send(name, ...)
      end
    end
  end
end
