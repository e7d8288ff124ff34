# frozen_string_literal: true

module Karafka
  module Cli
    # How every command reads a place in a topic: `earliest`, `latest`, an offset, or a time as {PointInTime} reads it; where it is
    # allowed also how many from the end (`-100`).
    module Position
      class << self
        # @param text [#to_s]
        # @param option [String] for messages, such as "--from"
        # @param from_end [Boolean] whether -100 means the last 100 messages
        # @return [Symbol, Integer, Time] as {Admin} takes them
        # @raise [Errors::CommandError]
        def parse(text, option, from_end: false)
          text = text.to_s.strip
          return text.to_sym if %w[earliest latest].include?(text)
          return PointInTime.parse(text) if PointInTime.time?(text)

          number = Integer(text, 10, exception: false)
          return number if number && (from_end || !number.negative?)

          last = ", -100 for the last 100 messages" if from_end
          raise Errors::CommandError,
                "#{option} is #{text.inspect}, but must be earliest, latest, an offset#{last} or a time; #{PointInTime::FORMS}"
        end
      end
    end
  end
end
