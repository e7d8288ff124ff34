# frozen_string_literal: true

module Karafka
  module Cli
    # Reads whole lines, many at once, and waits for no more than one, so that what a person or a slow program writes goes out line by
    # line.
    module LineBlocks
      # What is asked for at once. Of larger blocks the processor's cache holds less.
      BYTES = 256 * 1_024
      private_constant :BYTES

      class << self
        # @param io [IO, StringIO]
        # @yieldparam block [String] one line or more, each with its end; the last one of all may lack it
        # @return [void]
        def each(io)
          io.binmode
          begun = +""
          while (read = read_some(io))
            ends = read.rindex("\n")
            next begun << read unless ends

            yield begun << read[0..ends]
            begun = read[(ends + 1)..]
          end
          yield begun unless begun.empty?
        end

        private

        # @return [String, nil] nil: the end
        def read_some(io)
          io.readpartial(BYTES)
        rescue EOFError
          nil
        end
      end
    end
  end
end
