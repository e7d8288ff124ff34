# frozen_string_literal: true

module Karafka
  module Routing
    # How far the messages of one partition may be processed at once.
    class Parallel
      LIMIT = Setup::Type.new("an Integer from 1 to 1000") { |value| value.is_a?(Integer) && value.between?(1, 1_000) }
      # Fits into 63 bits, whatever a class of the user's makes of `hash`.
      MASK = (2**62) - 1
      private_constant :LIMIT, :MASK

      # @return [:key, :none, #call] what the messages that keep their order have in common
      attr_reader :by

      # @param label [String] for messages
      # @param by [:partition, :key, :none, #call]
      # @param limit [Integer, nil] nil: as many as there are workers
      # @return [Parallel, nil] nil for :partition
      # @raise [Errors::InvalidConfigurationError]
      def self.build(label, by, limit)
        by = Setup::Types.symbol(by)
        unless %i[partition key none].include?(by) || by.respond_to?(:call)
          Setup.invalid!("#{label} by", by, "one of :partition, :key, :none, or something that answers to call(message)#{near(by)}")
        end
        return new(by, limit && LIMIT.check("#{label} limit", limit)) unless by == :partition

        Setup.invalid!("#{label} limit", limit, "left out with by: :partition, which is one batch at a time") unless limit.nil?
      end

      def self.near(name)
        found = DidYouMean::SpellChecker.new(dictionary: %i[partition key none]).correct(name.to_s).first if name.is_a?(Symbol)
        found ? " (did you mean #{found.inspect}?)" : ""
      end
      private_class_method :near

      def initialize(by, limit)
        @by = by
        @limit = limit
      end

      # @return [Integer] how many batches of one partition may be processed at once: what was said, else `concurrency` as it is
      #   when this is asked
      def limit
        @limit || App.config.concurrency
      end

      # @return [Hash{Symbol=>Object}] what the engine takes
      def to_h
        { by: @by.is_a?(Symbol) ? @by.to_s : "host", limit: limit }
      end

      # What a block says about messages, as numbers that are equal where it says the same; nil where it says nil. Where it
      # raises, the message goes with others of its key, so that the consumer meets the error too.
      # @param messages [Enumerable<Messages::Message>]
      # @yieldparam error [Exception]
      # @return [Array<Integer, nil>]
      def keys(messages)
        messages.to_a.map do |message|
          key = @by.call(message)
          key.nil? ? nil : key.hash & MASK
        rescue SystemExit, SignalException, NoMemoryError
          raise
        rescue Exception => e # rubocop:disable Lint/RescueException -- a block of the user's, as `consume`
          yield e
          message.raw_key.hash & MASK
        end
      end

      # @return [String]
      def inspect
        "by: #{@by.is_a?(Symbol) ? @by.inspect : "a block"}, limit: #{limit}"
      end
    end
  end
end
