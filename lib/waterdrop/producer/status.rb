# frozen_string_literal: true

module WaterDrop
  class Producer
    # How far a producer is in its life, at the moment it is asked.
    class Status
      # In the order of a life. `fenced`: another producer with the same transactional id has taken over, for good.
      STATES = %i[initial configured connected disconnecting disconnected fenced closing closed].freeze
      private_constant :STATES

      # @param look [#call] gives the state
      def initialize(look)
        @look = look
      end

      # @return [Symbol]
      def state
        @look.call
      end
      alias to_sym state

      STATES.each { |name| define_method(:"#{name}?") { state == name } }

      # @return [Boolean] takes messages
      def active?
        %i[configured connected disconnecting disconnected].include?(state)
      end

      # @return [String]
      def to_s
        state.to_s
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{state}>"
      end
    end
  end
end
