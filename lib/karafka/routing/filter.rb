# frozen_string_literal: true

module Karafka
  module Routing
    # Which messages a topic wants. The engine decides it on the bytes; what does not match never becomes a Ruby object.
    class Filter
      PARTS = %i[key header json].freeze
      INTEGERS = (-(2**63)...(2**63))
      TEXT = "a String, a Symbol, a Regexp, nil (missing), or an Array of these"
      VALUE = "a String, a Symbol, a Regexp, an Integer of 64 bits, a Float, true, false, nil (missing), or an Array of these"
      private_constant :PARTS, :INTEGERS, :TEXT, :VALUE

      # @param label [String] what the user calls the place, for messages
      # @param conditions [Hash{Symbol=>Object}] :key, :header and :json; all of them have to hold
      # @raise [Errors::InvalidConfigurationError]
      def initialize(label, conditions)
        @label = label
        conditions.each_key { |part| Setup.unknown!("part", part, PARTS, prefix: "#{label} ") unless PARTS.include?(part) }
        Setup.invalid!(label, conditions, "at least one of #{PARTS.join(", ")}") if conditions.empty?
        @config = {
          key: (values("key", conditions[:key], text: true) if conditions.key?(:key)),
          headers: pairs("header", conditions.fetch(:header, {})) { |name, value| [name, values("header #{name}", value, text: true)] },
          json: pairs("json", conditions.fetch(:json, {})) { |path, value| [path_of(path), values("json #{path}", value)] }
        }.freeze
        @native = Librdkafka.filter(@config)
      end

      # @return [Hash{Symbol=>Object}] as the engine takes it
      def to_h
        @config
      end

      # @param message [#raw_payload, #raw_key, #raw_headers] for tests: the engine does not ask here
      # @return [Boolean]
      def match?(message)
        headers = message.raw_headers.flat_map { |name, value| [*value].then { |all| all.empty? ? [nil] : all }.map { |one| [name, one] } }
        @native.match?(message.raw_payload, message.raw_key, headers)
      end

      private

      def pairs(part, given, &)
        Setup.invalid!("#{@label} #{part}", given, "a Hash") unless given.is_a?(Hash)
        pairs = given.transform_keys(&:to_s)
        Setup.invalid!("#{@label} #{part}", given, "a Hash with each name once") unless pairs.size == given.size
        pairs.map(&)
      end

      def path_of(path)
        names = path.split(".", -1)
        return names unless names.empty? || names.any?(&:empty?)

        Setup.invalid!("#{@label} json", path, "names of fields; a dot goes one level down: \"user.id\"")
      end

      def values(part, given, text: false)
        list = given.is_a?(Array) ? given : [given]
        Setup.invalid!("#{@label} #{part}", given, text ? TEXT : VALUE) if list.empty?
        list.map { |value| native(value, text) || Setup.invalid!("#{@label} #{part}", value, text ? TEXT : VALUE) }
      end

      def native(value, text)
        case value
        when nil then {}
        when Regexp then { pattern: RustRegexp.translate(value, @label) }
        when String, Symbol then utf8(value.to_s)
        else text ? nil : scalar(value)
        end
      end

      def scalar(value)
        case value
        when true, false then { boolean: value }
        when INTEGERS then value.is_a?(Integer) ? { integer: value } : { float: value.to_f }
        when Float then { float: value } if value.finite?
        end
      end

      def utf8(string)
        text = string.encode(Encoding::UTF_8)
        { text: text } if text.valid_encoding?
      rescue EncodingError
        nil
      end
    end
  end
end
