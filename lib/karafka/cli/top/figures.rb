# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # What is computed from two states.
      module Figures
        # A window that is shorter shows chance, ms.
        SHORTEST_MS = 1_000
        private_constant :SHORTEST_MS

        class << self
          # How the lag changes.
          # @param look [Look]
          # @param later [Hash{String=>Object}] with `lag`
          # @param earlier [Hash{String=>Object}, nil]
          # @return [Float, nil] messages a second; nil: not known
          def trend(look, later, earlier)
            return unless look.span_ms.to_i >= SHORTEST_MS && earlier && later["lag"] && earlier["lag"]
            # Partitions that came or went change the lag, too.
            return unless later["partitions"] == earlier["partitions"] && later["lag_unknown"] == earlier["lag_unknown"]

            (later["lag"] - earlier["lag"]) * 1_000.0 / look.span_ms
          end

          # @return [Integer, nil] when the lag will be gone, ms; nil: never, as it goes, or not known
          def eta_ms(look, later, earlier)
            trend = trend(look, later, earlier)
            (later["lag"] * 1_000.0 / -trend).ceil if trend&.negative?
          end

          # @param figures [Array<Numeric, nil>]
          # @return [Numeric, nil] nil where one of them is not known, or there is none
          def sum(figures)
            figures.sum unless figures.empty? || figures.any?(&:nil?)
          end
        end
      end
    end
  end
end
