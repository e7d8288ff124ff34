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
        # @api private
        # @param statsd [Statsd]
        # @param lines [Lines]
        # @param metrics [Array<Array(Symbol, String, Integer)>]
        # @param tags [Array<String>]
        def initialize(statsd, lines, metrics, tags)
          @statsd = statsd
          @metrics = metrics
          @tags = tags.dup.freeze
          metrics = metrics.map { |kind, name, digits| [name, TYPES.fetch(kind), digits || 0] }
          @text = or_nothing { lines.form(metrics, @tags) }
        end

        # @param values [Array<Numeric, nil>] in the order of the metrics; nil: not this one
        # @return [void]
        def report(*values)
          lines = or_nothing { format(@text, *values) } if @text && values.all?
          lines ? @statsd.write(lines, values.size) : one_by_one(values)
        end

        private

        # One by one they are sent as far as they can be, and the others are counted and logged, such as tags that are no UTF-8.
        def or_nothing
          yield
        rescue StandardError
          nil
        end

        def one_by_one(values)
          @metrics.zip(values) { |(kind, name), value| @statsd.public_send(kind, name, value, tags: @tags) if value }
        end
      end
    end
  end
end
