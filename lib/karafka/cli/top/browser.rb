# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # What a person has chosen with the keys: the table, its order, a filter, where it begins.
      class Browser
        # Escape sequences of keys, and what they are.
        KEYS = {
          "\e[A" => :up, "\eOA" => :up, "k" => :up, "\e[B" => :down, "\eOB" => :down, "j" => :down,
          "\e[5~" => :page_up, "\e[6~" => :page_down, "\e[H" => :home, "\e[1~" => :home, "\e[F" => :end, "\e[4~" => :end
        }.freeze
        # Ctrl-C, Ctrl-D
        QUIT = ["q", "\u0003", "\u0004"].freeze
        ENTER = ["\r", "\n"].freeze
        ERASE = ["\u007F", "\b"].freeze
        LONGEST_FILTER = 100
        private_constant :KEYS, :QUIT, :ENTER, :ERASE, :LONGEST_FILTER

        # @return [View]
        attr_reader :view
        # @return [String]
        attr_reader :filter
        # @return [Integer, nil] the column that rows are sorted by
        attr_reader :column

        # @param view [View]
        def initialize(view = Views::GROUPS)
          @filter = +""
          @typing = @held = @done = false
          @page = 1
          show(view)
        end

        # @return [Boolean] whether the person wants to leave
        def done? = @done

        # @return [Boolean] whether the figures stand still
        def held? = @held

        # @return [Boolean]
        def ascending? = @ascending

        # @return [String, nil] what is asked for just now
        def prompt
          "filter: #{@filter}_  (enter keeps it, escape clears it)" if @typing
        end

        # @param readings [Array<Reading>]
        # @param verdicts [Array<Verdict>]
        # @return [Array<Array<Object>>] as they are shown
        def rows(readings, verdicts)
          @view.arrange(@view.rows(readings, verdicts), filter: @filter, column: @column, ascending: @ascending)
        end

        # Which row is the first one on the screen. Remembers the room, for the keys that turn pages.
        # @param size [Integer] how many rows there are
        # @param room [Integer] how many of them can be shown
        # @return [Integer]
        def first_of(size, room)
          @page = [room, 1].max
          @first = @first.clamp(0, [size - @page, 0].max)
        end

        # @param key [String] a character, or the sequence of a key
        # @return [void]
        def press(key)
          return type(key) if @typing
          return @done = true if QUIT.include?(key)

          case key
          when " " then @held = !@held
          when "/" then @typing = true
          when "\e" then @filter = +""
          when "s", "S" then sort_by_next(key == "s" ? 1 : -1)
          when "r" then @ascending = !@ascending
          else Views::ALL.key?(key) ? show(Views::ALL.fetch(key)) : move(KEYS[key])
          end
        end

        private

        def show(view)
          @view = view
          @column = view.sorted_by
          @ascending = false
          @first = 0
        end

        def sort_by_next(step)
          @column = ((@column || (step.positive? ? -1 : 0)) + step) % @view.columns.size
        end

        def type(key)
          if ENTER.include?(key) then @typing = false
          elsif key == "\e" || QUIT.drop(1).include?(key)
            @typing = false
            @filter = +""
          elsif ERASE.include?(key) then @filter = @filter[0...-1]
          elsif key.match?(/\A[[:print:]]\z/) && @filter.size < LONGEST_FILTER then @filter += key
          end
        end

        def move(key)
          case key
          when :up then @first -= 1
          when :down then @first += 1
          when :page_up then @first -= @page
          when :page_down then @first += @page
          when :home then @first = 0
          # The next drawing stops at the last page.
          when :end then @first = Float::MAX.to_i
          end
        end
      end
    end
  end
end
