# frozen_string_literal: true

module Kafka
  # Chooses a partition by the partition key, else the key; without both at random.
  class Partitioner
    HASHES = { nil => "consistent_random", crc32: "consistent_random", murmur2: "murmur2_random" }.freeze
    private_constant :HASHES

    # @return [String] librdkafka's name of the same
    attr_reader :librdkafka

    # @param hash_function [Symbol, nil] :crc32 or :murmur2; nil: crc32
    # @raise [ArgumentError]
    def initialize(hash_function: nil)
      @librdkafka = HASHES.fetch(hash_function&.to_sym) do
        raise ArgumentError, "hash_function is #{hash_function.inspect}, but must be :crc32 or :murmur2"
      end
    end

    # @param partition_count [Integer]
    # @param message [PendingMessage]
    # @return [Integer]
    # @raise [ArgumentError] there is nothing to choose from
    def call(partition_count, message)
      unless partition_count.is_a?(Integer) && partition_count.positive?
        raise ArgumentError, "partition_count is #{partition_count.inspect}, but must be an Integer above 0"
      end

      key = message.partition_key || message.key
      key ? hash(key.to_s, partition_count) : rand(partition_count)
    end

    private

    def hash(key, count)
      return Zlib.crc32(key) % count if @librdkafka == "consistent_random"

      Murmur2.hash(key) % count
    end

    # As Java's producer has it.
    module Murmur2
      SEED = 0x9747b28c
      M = 0x5bd1e995
      MASK = 0xffffffff
      private_constant :SEED, :M, :MASK

      # @param key [String]
      # @return [Integer] 0 or more
      def self.hash(key)
        bytes = key.b
        hash = bytes.unpack("V*").reduce(SEED ^ bytes.bytesize) { |sum, word| ((sum * M) & MASK) ^ mixed(word) }
        rest = bytes.byteslice(bytes.bytesize / 4 * 4, 3).bytes
        unless rest.empty?
          hash ^= rest.each_with_index.sum { |byte, index| byte << (8 * index) }
          hash = (hash * M) & MASK
        end
        hash = ((hash ^ (hash >> 13)) * M) & MASK
        (hash ^ (hash >> 15)) & 0x7fffffff
      end

      def self.mixed(word)
        word = (word * M) & MASK
        ((word ^ (word >> 24)) * M) & MASK
      end
      private_class_method :mixed
    end
    private_constant :Murmur2
  end
end
