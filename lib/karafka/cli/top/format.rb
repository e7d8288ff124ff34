# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # Figures as people read them. One that is missing is "unknown", never 0.
      module Format
        UNKNOWN = "unknown"
        UNITS = [["d", 86_400], ["h", 3_600], ["m", 60], ["s", 1]].freeze
        private_constant :UNITS

        class << self
          # @param milliseconds [Numeric, nil]
          # @return [String] such as "6 m 12 s", with the two largest units
          def duration(milliseconds)
            return UNKNOWN unless milliseconds
            return "#{milliseconds.round} ms" if milliseconds.positive? && milliseconds < 1_000

            seconds = (milliseconds / 1_000).floor
            first = UNITS.index { |_, size| seconds >= size } || (UNITS.size - 1)
            UNITS[first, 2].filter_map do |unit, size|
              count, seconds = seconds.divmod(size)
              "#{count} #{unit}" if count.positive? || size == UNITS[first][1]
            end.join(" ")
          end

          # @param number [Integer, nil]
          # @return [String] such as "1,204"
          def count(number)
            number ? number.round.to_s.gsub(/(?<=\d)(?=(\d{3})+\z)/, ",") : UNKNOWN
          end

          # @param number [Numeric, nil] a second
          # @return [String] such as "12.5/s"
          def rate(number)
            return UNKNOWN unless number

            "#{number.zero? || number.abs >= 10 ? count(number) : number.round(1)}/s"
          end

          # @param number [Integer, nil]
          # @return [String] such as "70 MB"
          def bytes(number)
            number ? "#{count(number / 1_000_000.0)} MB" : UNKNOWN
          end

          # @param number [Integer]
          # @param one [String] the word for one of them
          # @return [String] such as "3 messages"
          def some(number, one)
            "#{count(number)} #{Amount.word(number, one)}"
          end

          # @param place [Hash{String=>Object}, nil] class, file and line
          # @return [String] such as "OrdersConsumer at app/consumers/orders_consumer.rb:31"
          def place(place)
            return "a consumer that is unknown" unless place

            at = [place["file"], place["line"]].compact.join(":")
            at.empty? ? place["class"] : "#{place["class"]} at #{at}"
          end

          # @param text [Object] of a process, which may have taken it from anywhere
          # @return [String] one line, with nothing that a terminal obeys
          def clean(text)
            text.to_s.dup.force_encoding(Encoding::UTF_8).scrub("?").gsub(/[[:cntrl:]]+/, " ")
          end
        end
      end
    end
  end
end
