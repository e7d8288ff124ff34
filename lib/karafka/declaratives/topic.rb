# frozen_string_literal: true

module Karafka
  module Declaratives
    # How one topic is to be created. In a block each method sets what it is given, without an argument it reads.
    class Topic
      UNSET = Object.new.freeze
      private_constant :UNSET

      # @return [String] as Kafka calls it
      attr_reader :name

      # @param name [String, Symbol]
      # @raise [Errors::InvalidConfigurationError]
      def initialize(name)
        @name = Setup::Types::NAME.check("declared topic", name).dup.freeze
        @active = true
        @partitions = 1
        @replication_factor = 1
        @details = {}
      end

      # A new topic begins with a copy of these.
      # @param name [String, Symbol]
      # @return [Topic]
      # @api private
      def for(name)
        Topic.new(name).copy(self)
      end

      # @param value [Boolean] whether it is managed
      # @return [Boolean]
      def active(value = UNSET)
        UNSET.equal?(value) ? @active : @active = Setup::Types::BOOLEAN.check("#{label} active", value)
      end

      # @return [Boolean]
      def active? = @active

      # @param value [Integer]
      # @return [Integer]
      def partitions(value = UNSET)
        UNSET.equal?(value) ? @partitions : @partitions = Setup::Types::COUNT.check("#{label} partitions", value)
      end

      # @param value [Integer] at most the number of brokers
      # @return [Integer]
      def replication_factor(value = UNSET)
        UNSET.equal?(value) ? @replication_factor : @replication_factor = Setup::Types::COUNT.check("#{label} replication_factor", value)
      end

      # @param settings [Hash{String, Symbol=>Object}] Kafka's settings of the topic, besides those that were set before; also
      #   `partitions`, `replication_factor` and `active`, as in the routes
      # @return [Hash{String=>Object}]
      def config(given = {}, **settings)
        settings = given.to_hash.merge(settings)
        settings.each do |name, value|
          case name.to_sym
          when :active, :partitions, :replication_factor then public_send(name, value)
          else set(name.to_s, value)
          end
        end
        @details
      end
      # @return [Hash{String=>Object}] Kafka's settings of the topic
      alias details config

      # @return [Hash{Symbol=>Object}]
      def to_h
        { name: name, active: active, partitions: partitions, replication_factor: replication_factor, details: details }
      end

      # @param other [Object]
      # @return [Boolean]
      def ==(other)
        other.is_a?(Topic) && other.to_h == to_h
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{to_h}>"
      end

      protected

      def copy(other)
        @active, @partitions, @replication_factor = other.active, other.partitions, other.replication_factor # rubocop:disable Style/ParallelAssignment
        @details = other.details.dup
        self
      end

      private

      def label = "declared topic #{name}"

      def set(name, value)
        Setup.invalid!("#{label} #{name}", value, "a value; leave it out for the brokers' default") if value.nil?

        @details[name] = value
      end
    end
  end
end
