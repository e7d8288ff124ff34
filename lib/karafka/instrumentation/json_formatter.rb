# frozen_string_literal: true

require "json"
require "time"

module Karafka
  module Instrumentation
    # One JSON object a line: `time` (UTC, ISO 8601), `level`, `message`, `pid`, and the fields of the line. `config.log_format = :json`
    # gives it to Karafka's own logger; others take it as their formatter.
    #
    # @example
    #   config.logger = Logger.new($stdout, formatter: Karafka::Instrumentation::JsonFormatter.new)
    class JsonFormatter
      # @param severity [String, nil] such as "INFO"
      # @param time [Time]
      # @param progname [String, nil]
      # @param message [Object] a {LogLine} has fields; an Exception its class and backtrace
      # @return [String] with the end of the line
      def call(severity, time, progname, message)
        own = { time: time.getutc.iso8601(6), level: (severity || "unknown").downcase, message: text_of(message), pid: ::Process.pid }
        own[:program] = plain(progname) if progname
        # A field never hides one of ours.
        "#{JSON.generate(own.merge(fields_of(message)) { |_, ours, _| ours })}\n"
      end

      private

      def text_of(message)
        case message
        when String then plain(message)
        when Exception then plain(Safely.message_of(message))
        else plain(message.inspect)
        end
      end

      def fields_of(message)
        case message
        when LogLine then message.fields.transform_values { |value| plain(value) }
        when Exception then { error: message.class.name, backtrace: Array(message.backtrace).map { |line| plain(line) } }
        else {}
        end
      end

      # What JSON can hold: valid UTF-8, finite numbers.
      def plain(value)
        case value
        when Integer, true, false, nil then value
        when Float then value.finite? ? value.round(3) : value.to_s
        when Array then value.map { |item| plain(item) }
        else String.new(value.to_s).encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub("?")
        end
      end
    end
  end
end
