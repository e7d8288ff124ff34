# frozen_string_literal: true

module Karafka
  module Routing
    # How many connections of this process consume the topics of a subscription group. Between `min` and `max` it follows how
    # many partitions there are for them.
    class Multiplexing
      MOST = 100
      NAMES = %i[max min boot scale_delay].freeze
      DELAY = Setup::Type.new("an Integer of at least 1000, in milliseconds, below 2**31") do |value|
        value.is_a?(Integer) && value.between?(1_000, Setup::Types::MOST)
      end
      private_constant :MOST, :DELAY

      # @return [Integer]
      attr_reader :min, :max, :boot, :scale_delay

      # @param label [String] for messages
      # @param max [Integer] 1 to 100
      # @param min [Integer, nil] nil: as max, so the number does not change
      # @param boot [Integer, nil] how many at the start; nil: half of max, and at least min
      # @param scale_delay [Integer] ms
      # @raise [Errors::InvalidConfigurationError]
      def initialize(label, max: nil, min: nil, boot: nil, scale_delay: 60_000)
        @max = whole("#{label} max", max, 1, MOST)
        @min = min.nil? ? @max : whole("#{label} min", min, 1, @max, " (max)")
        @boot = boot.nil? ? [@min, @max / 2].max : whole("#{label} boot", boot, @min, @max, " (min to max)")
        @scale_delay = DELAY.check("#{label} scale_delay", scale_delay)
      end

      # @return [Boolean] whether the number changes while the process runs
      def dynamic?
        @min < @max
      end

      # @param set [String] name of the connections that belong together
      # @param place [Integer] which of them
      # @return [Hash{Symbol=>Object}, nil] what the engine takes; nil: it runs all the time
      def for_engine(set, place)
        { set: set, place: place, min: @min, max: @max, boot: @boot, delay_ms: @scale_delay } if dynamic?
      end

      # @return [String]
      def to_s
        return "#{@max} connection#{"s" if @max > 1}" unless dynamic?

        "#{@min} to #{@max} connections, #{@boot} at the start, a change each #{@scale_delay} ms at most"
      end

      private

      def whole(name, value, least, most, what = "")
        return value if value.is_a?(Integer) && value.between?(least, most)

        Setup.invalid!(name, value, "an Integer from #{least} to #{most}#{what}")
      end
    end
  end
end
