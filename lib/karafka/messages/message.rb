# frozen_string_literal: true

module Karafka
  module Messages
    # One message: a view into the batch it came with. Everything is read on demand, so it stays cheap until it is
    # touched, and it may be kept forever: the bytes live as long as a message refers to them.
    class Message
      include Compat::MessageNames

      class << self
        # Messages of a batch are made with this name, because +new+ has Karafka's arguments.
        # @!method over(source, index, decoders = nil)
        # @api private
        alias over new

        # Builds a message by hand, for tests.
        # @param raw_payload [String, nil]
        # @param metadata [Metadata]
        # @return [Message]
        def new(raw_payload, metadata)
          special = metadata.deserializers
          decoders = special && Decoders.new(payload: special.payload, key: special.key, headers: special.headers).presence
          over(StaticSource.new(raw_payload, metadata), 0, decoders)
        end
      end

      # Three instance variables fit into the object itself; a fourth costs an allocation for each message.
      # So @decoders exists only where there are some, and @payload only once it was asked for.
      # @api private
      def initialize(source, index, decoders = nil)
        @source = source
        @index = index
        @decoders = decoders if decoders
      end

      # The decoded payload; decoded once.
      # @return [Object, nil] nil for a tombstone
      # @raise [Errors::DeserializationError] `cause` is what the deserializer raised; {#raw_payload} stays readable
      def payload
        @payload || decode_payload
      end

      # @return [String, nil] the bytes as they came (in UTF-8 encoding, valid or not); nil for a tombstone
      def raw_payload
        @source.raw_payload(@index)
      end

      # @return [Object, nil] the key, decoded where the topic has a key deserializer
      def key
        decoder = @decoders&.key
        decoder ? decoded("key") { decoder.call(self) } : @source.raw_key(@index)
      end

      # @return [String, nil]
      def raw_key
        @source.raw_key(@index)
      end

      # @return [Hash{String=>String, Array<String>, nil}] headers; a name that was sent several times has an Array
      def headers
        decoder = @decoders&.headers
        decoder ? decoded("headers") { decoder.call(self) } : @source.raw_headers(@index)
      end

      # @return [Hash{String=>String, Array<String>, nil}]
      def raw_headers
        @source.raw_headers(@index)
      end

      # @api private
      # @return [Array<Array(String, (String, nil))>] headers as they came, in their order
      def raw_header_pairs
        return @source.raw_header_pairs(@index) if @source.respond_to?(:raw_header_pairs)

        raw_headers.flat_map { |name, value| value.is_a?(Array) ? [name].product(value) : [[name, value]] }
      end

      # @return [Integer]
      def offset
        @source.offset(@index)
      end

      # @return [String]
      def topic
        @decoders&.topic || @source.topic
      end

      # @return [Integer]
      def partition
        @source.partition
      end

      # @return [Time, nil] when it was created or appended, as the topic is configured; nil: unknown
      def timestamp
        time(@source.timestamp_ms(@index))
      end
      alias create_time timestamp

      # @return [Time, nil] when the engine took it over
      def received_at
        time(@source.received_at_ms)
      end

      # @return [Integer] 1 when the batch it came with is processed for the first time
      def attempt
        @source.attempt
      end

      # @return [Boolean] whether {#payload} was decoded
      def deserialized?
        !@payload.nil? || @decoded || false
      end

      # @return [Boolean] whether it has no payload: a deletion in a compacted topic
      def tombstone?
        @source.raw_payload(@index).nil?
      end

      # @return [Deserializers::Set] what decodes `payload`, `key` and `headers` of it
      def deserializers
        all = Deserializers::Set
        all.new(**all.members.to_h { |part| [part, @decoders&.public_send(part) || all.default(part)] })
      end

      # @return [Metadata]
      def metadata
        Metadata.new(
          message: self, timestamp: timestamp, headers: headers, key: key, offset: offset, deserializers: @decoders,
          partition: partition, received_at: received_at, topic: topic, raw_headers: raw_headers, raw_key: raw_key
        )
      end

      # Lets go of the payload, so that its memory can be freed before the batch is done. The topic, partition and offset stay, so
      # it can still be marked.
      # @param metadata [Boolean] whether key and headers go as well
      # @return [void]
      def clean!(metadata: true)
        @source = CleanedSource.new(@source, @index, metadata) unless cleaned? && !metadata
        @payload = nil
        @decoded = nil
      end

      # @return [Boolean] whether {#clean!} was called; reading the payload raises then
      def cleaned?
        @source.is_a?(CleanedSource)
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{topic}/#{partition}@#{offset}>"
      end

      # @param other [Object]
      # @return [Boolean] whether it is the same message of the same batch
      def ==(other)
        other.is_a?(Message) && other.of?(@source) && other.index == @index
      end
      alias eql? ==

      # @return [Integer]
      def hash
        [@source.object_id, @index].hash
      end

      # Marks it as processed, with one call of the extension: what `mark_as_consumed` of a loop costs.
      # @api private
      # @return [Boolean, nil] false: the partition is lost; nil: it is of another batch, or before the last one that was marked, and
      #   nothing has changed
      def mark_in(lease)
        @source.mark_at(@index) if @source.equal?(lease)
      end

      # @api private
      # @return [Boolean] whether it is of that batch
      def of?(source)
        @source.equal?(source)
      end

      # @api private
      # @param klass [#over]
      # @return [Object] the same message, as an adapter shows it
      def karafka_as(klass)
        klass.over(@source, @index)
      end

      protected

      attr_reader :index

      private

      def decode_payload
        return @payload if @decoded

        value = @decoders ? decode_specially : @source.json(@index)
        # A frozen one, such as one shared with a Ractor, decodes each time.
        return value if frozen?

        # nil and false would look as if they had not been decoded.
        @decoded = true unless value
        @payload = value
      rescue Errors::DeserializationError, Errors::MessageCleanedError
        raise
      rescue StandardError => e
        # JSON has nothing to say about a tombstone; a deserializer of the topic's own may.
        raise undecodable("payload", e) if @decoders&.payload || !tombstone?
      end

      def decode_specially
        decoder = @decoders.payload
        decoder ? decoder.call(self) : @source.json(@index)
      end

      def decoded(part)
        yield
      rescue Errors::MessageCleanedError
        raise
      rescue StandardError => e
        raise undecodable(part, e)
      end

      def undecodable(part, cause)
        Errors::DeserializationError.new(
          "cannot decode the #{part} of #{topic}/#{partition}@#{offset}: #{cause.class}: #{cause.message[0, 200]}. " \
          "The bytes are in raw_payload, raw_key and raw_headers.",
          topic: topic, partition: partition, offset: offset
        )
      end

      def time(milliseconds)
        Time.at(0, milliseconds, :millisecond) unless milliseconds.negative?
      end

      # Sets all instance variables once, in the order of their use: before Ruby 3.2 that gives @payload the last place
      # within the object, and reading one that is not set needs no search.
      def declare
        @payload = nil
        @decoders = nil
        @decoded = nil
      end

      over(nil, 0).send(:declare)
    end
  end
end
