# frozen_string_literal: true

require "time"

module Karafka
  module Cli
    # How every command reads a time: ISO 8601 (`2026-11-29T10:00Z`, `2026-11-29`), how long ago (`-2h`, `-90s`, `-1d12h`), `now`, or
    # milliseconds since 1970 (13 digits). A time without a zone is in that of the machine.
    module PointInTime
      SECONDS = { "s" => 1, "m" => 60, "h" => 3_600, "d" => 86_400, "w" => 604_800 }.freeze
      AGO = /\A-((?:\d+[smhdw])+)\z/
      EPOCH_MS = /\A\d{13}\z/
      ISO = /\A\d{4}-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?)?\z/
      FORMS = "a time is ISO 8601 (2026-11-29T10:00Z), how long ago (-2h, -90s, -1d12h), now, or milliseconds since 1970"
      private_constant :SECONDS, :AGO, :EPOCH_MS, :ISO

      class << self
        # @param text [#to_s]
        # @param now [Time]
        # @return [Time]
        # @raise [Errors::CommandError]
        def parse(text, now: Time.now)
          text = text.to_s.strip
          return now if text == "now"
          return now - ago_seconds(text) if text.match?(AGO)
          return Time.at(0, Integer(text, 10), :millisecond) if text.match?(EPOCH_MS)

          iso(text)
        end

        # @return [Boolean] whether {parse} takes it
        def time?(text)
          text = text.to_s.strip
          text == "now" || [AGO, EPOCH_MS, ISO].any? { |form| text.match?(form) }
        end

        private

        def ago_seconds(text) = text.scan(/(\d+)([smhdw])/).sum { |number, unit| Integer(number, 10) * SECONDS.fetch(unit) }

        def iso(text)
          raise ArgumentError unless text.match?(ISO)

          Time.parse(text)
        rescue ArgumentError
          raise Errors::CommandError, "#{text.inspect} is no time: #{FORMS}"
        end
      end
    end
  end
end
