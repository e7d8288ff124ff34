# frozen_string_literal: true

module Karafka
  module Instrumentation
    class Statsd
      # Metrics that always come together, with the same tags: everything but their values is made once.
      #
      # @example
      #   form = statsd.form([[:count, "orders"], [:histogram, "took", 3]], tags: ["shop:1"])
      #   form.report(3, 12.5) # sends orders:3 and took:12.500
      class Form
        # Types of metrics in a packet.
        TYPES = { count: "c", gauge: "g", timing: "ms", histogram: "h", distribution: "d" }.freeze
        private_constant :TYPES

        # @api private
        # @param statsd [Statsd]
        # @param lines [Lines]
        # @param metrics [Array<Array(Symbol, String, Integer)>]
        # @param tags [Array<String>]
        def initialize(statsd, lines, metrics, tags)
          @statsd = statsd
          @metrics = metrics
          @tags = tags.dup.freeze
          @text = lines.form(metrics.map { |kind, name, digits| [name, TYPES.fetch(kind), digits || 0] }, @tags)
        end

        # @param values [Array<Numeric, nil>] in the order of the metrics; nil: not this one
        # @return [void]
        def report(*values)
          return one_by_one(values) unless @text && values.all?

          @statsd.write(format(@text, *values), values.size)
        end

        private

        def one_by_one(values)
          @metrics.zip(values) { |(kind, name), value| @statsd.public_send(kind, name, value, tags: @tags) if value }
        end
      end
    end
  end
end
