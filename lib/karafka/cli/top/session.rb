# frozen_string_literal: true

require "io/console"
require "io/wait"

module Karafka
  module Cli
    module Top
      # The loop on a terminal: reads keys, draws. It leaves the terminal as it was, however it ends.
      class Session
        # How long a key, a new size or new figures wait at most, seconds.
        TICK = 0.2
        # A key sends its sequence at once; the key Escape sends the first byte only. Seconds.
        SEQUENCE = 0.02
        OPEN = "\e[?1049h\e[?25l"
        CLOSE = "\e[?25h\e[?1049l"
        # Where the terminal does not know its size.
        SIZE = [24, 80].freeze
        private_constant :TICK, :SEQUENCE, :OPEN, :CLOSE, :SIZE

        # @param reader [Reader]
        # @param limits [Limits]
        # @param input [IO] a terminal
        # @param out [IO] a terminal
        # @param browser [Browser]
        def initialize(reader, limits, input: $stdin, out: $stdout, browser: Browser.new)
          @reader = reader
          @limits = limits
          @input = input
          @out = out
          @browser = browser
          @terminal = Terminal.new(out: out, input: input)
        end

        # @return [Array<Verdict>] the last ones that were seen
        def call
          @input.raw do
            @out.write(OPEN)
            until @browser.done?
              refresh
              draw
              read_keys
            end
          end
          @verdicts
        ensure
          @out.write(CLOSE)
          @out.flush
        end

        private

        # Figures are judged once, however often the loop comes round.
        def refresh
          version = @reader.version
          return if @readings && (@browser.held? || version == @version)

          @version = version
          @stale = true
          @readings = @reader.readings
          @verdicts = Verdicts.of(@readings, @limits)
        end

        # Only what has changed is drawn and written, so nothing flickers, and thousands of partitions cost nothing meanwhile.
        def draw
          height, width = window = size
          return unless @stale || window != @drawn_size

          @stale = false
          lines = Screen.new(@readings, @verdicts, @terminal).draw(width, height, @browser)
          return if lines == @drawn && window == @drawn_size

          text = lines.map { |line| "#{line}\e[K" }.join("\r\n")
          @out.write("\e[H#{text}\e[J")
          @out.flush
          @drawn = lines
          @drawn_size = window
        end

        def size
          found = @out.winsize
          found.all?(&:positive?) ? found : SIZE
        end

        def read_keys
          return unless @input.wait_readable(TICK)

          bytes = @input.read_nonblock(256, exception: false)
          return if bytes == :wait_readable
          # The terminal is gone.
          raise Interrupt if bytes.nil?

          if bytes == "\e" && @input.wait_readable(SEQUENCE)
            rest = @input.read_nonblock(16, exception: false)
            bytes += rest if rest.is_a?(String)
          end
          @stale = true
          keys(bytes).each { |key| @browser.press(key) }
        end

        def keys(bytes)
          bytes.dup.force_encoding(Encoding::UTF_8).scrub("").scan(/\e\[\d*[A-Z~]|\eO[A-Z]|./m)
        end
      end
    end
  end
end
