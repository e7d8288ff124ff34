# frozen_string_literal: true

module Karafka
  module Compat
    # What `params` of Karafka 1.x and 2016 answered: they were a Hash of the payload's fields and the message's own.
    module MessageNames
      include HashNames

      # The message's own; a field of the payload goes before.
      OWN = {
        "topic" => :topic, "partition" => :partition, "offset" => :offset, "key" => :key, "headers" => :headers,
        "create_time" => :create_time, "receive_time" => :received_at, "value" => :payload
      }.freeze
      private_constant :OWN

      # A field of the payload, by String or Symbol; else one of the message: topic, partition, offset, key, headers,
      # create_time, receive_time; `value` is the whole payload.
      # @param name [String, Symbol, Integer]
      # @return [Object, nil]
      def [](name)
        fields = payload
        if fields.is_a?(Hash)
          return fields[name] if fields.key?(name)

          other = other_form(name)
          return fields[other] if fields.key?(other)
        end
        own = OWN[name.to_s]
        own ? public_send(own) : fields[name]
      end

      # Changes a field of the payload, of this object. `params_batch` keeps its objects, so a later pass over it sees that.
      # @param name [String, Symbol]
      # @param value [Object]
      # @return [Object] the value
      def []=(name, value)
        fields = payload
        fields[karafka_field(fields, name)] = value
      end

      # @param others [Array<Hash>]
      # @return [self]
      def merge!(*others)
        others.each { |fields| fields.each { |name, value| self[name] = value } }
        self
      end
      alias update merge!

      # @param name [String, Symbol]
      # @return [Boolean] whether the payload has that field
      def key?(name)
        payload.key?(name) || payload.key?(other_form(name))
      end
      alias has_key? key?

      # @param name [String, Symbol]
      # @return [Object]
      # @raise [KeyError]
      def fetch(name, *default, &)
        fields = payload
        other = other_form(name)
        fields.is_a?(Hash) && !fields.key?(name) && fields.key?(other) ? fields.fetch(other) : fields.fetch(name, *default, &)
      end

      # @param path [Array<String, Symbol, Integer>]
      # @return [Object, nil]
      def dig(*path)
        path.reduce(payload) do |value, name|
          break if value.nil?

          found = value[name]
          found.nil? && value.is_a?(Hash) ? value[other_form(name)] : found
        end
      end

      # @param names [Array<String, Symbol>]
      # @return [Array<Object, nil>]
      def values_at(*names)
        names.map { |name| self[name] }
      end

      # @param names [Array<String, Symbol>]
      # @return [Hash] those fields of the payload that are there, as they were named
      def slice(*names)
        names.select { |name| key?(name) }.to_h { |name| [name, self[name]] }
      end

      # Karafka 0.5 and 1.0 asked for the decoding; it happens by itself.
      # @return [self]
      def retrieve!
        payload
        self
      end
      alias parse! retrieve!

      # @return [Time, nil]
      def receive_time
        received_at
      end

      private

      def other_form(name)
        case name
        when Symbol then name.name
        when String then name.to_sym
        else name
        end
      end
    end
  end
end
