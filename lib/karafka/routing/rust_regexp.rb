# frozen_string_literal: true

module Karafka
  module Routing
    # A Ruby Regexp in the notation of the engine (Rust's crate regex). An expression that the two match differently is refused:
    # a message that is left out by mistake would be lost.
    class RustRegexp
      # Outside of sets. In Ruby these are ASCII.
      CLASSES = { "d" => "[0-9]", "w" => "[0-9A-Za-z_]", "s" => "[\\t\\n\\x0B\\x0C\\r ]", "h" => "[0-9A-Fa-f]" }.freeze
      NEGATED = CLASSES.to_h { |name, set| [name.upcase, set.sub("[", "[^")] }.freeze
      # Written the same way in both.
      SAME = %w[A z b B n t r f v a].freeze
      private_constant :CLASSES, :NEGATED, :SAME

      # @param regexp [Regexp]
      # @param label [String] what the user calls the place, for the message
      # @return [String] an expression for the engine
      # @raise [Errors::InvalidConfigurationError]
      def self.translate(regexp, label)
        new(regexp, label).to_s
      end

      # @param regexp [Regexp]
      # @param label [String]
      def initialize(regexp, label)
        @regexp = regexp
        @label = label
        @rest = regexp.source.dup
      end

      # @return [String]
      def to_s
        refuse("another encoding than UTF-8") unless [Encoding::US_ASCII, Encoding::UTF_8].include?(@regexp.encoding)
        text = +"(?m#{options}:"
        text << token until @rest.empty?
        text << ")"
      end

      private

      # /m of Ruby lets the dot match a line break; ^ and $ always stand for lines.
      def options
        refuse("/x") if @regexp.options.anybits?(Regexp::EXTENDED)
        "#{"i" if @regexp.options.anybits?(Regexp::IGNORECASE)}#{"s" if @regexp.options.anybits?(Regexp::MULTILINE)}"
      end

      def token
        return escape if take("\\")
        return set if @rest.start_with?("[")
        return group if take("(?")
        return repetition if @rest.match?(/\A(?:[*+?]|\{\d*,?\d*\})/)

        char = @rest.slice!(0)
        # Ruby takes a brace that repeats nothing for itself.
        "{}]".include?(char) ? "\\#{char}" : char
      end

      def repetition
        found = @rest.slice!(/\A(?:[*+?]|\{\d*,?\d*\})/)
        return "\\{#{found[1..-2]}\\}" if %w[{} {,}].include?(found)

        found = "{0#{found[1..]}" if found.start_with?("{,")
        found << "?" if take("?")
        refuse("possessive or repeated repetition") if @rest.match?(/\A(?:[*+?]|\{\d*,?\d*\})/)
        found
      end

      def group
        name = @rest.slice!(/\A<[A-Za-z_]\w*>/)
        return "(?:" if name || take(":")
        return "" if @rest.slice!(/\A#[^)]*\)/)

        refuse({ "=" => "look-ahead", "!" => "look-ahead", ">" => "atomic groups", "<=" => "look-behind", "<!" => "look-behind" }
          .find { |start, _| @rest.start_with?(start) }&.last || "options within the expression")
      end

      def escape
        char = @rest.slice!(0)
        return "\\#{char}" if SAME.include?(char)
        return CLASSES[char] if CLASSES.key?(char)
        return NEGATED[char] if NEGATED.key?(char)
        return "\\x1B" if char == "e"

        code(char) || literal(char)
      end

      def literal(char)
        return Regexp.escape(char).gsub("\\ ", " ") if char.match?(/[[:punct:] ]/) && char.ascii_only?
        # A letter of another script stands for itself.
        return char unless char.ascii_only?

        refuse({ "Z" => "\\Z (use \\z)", "k" => "back-references", "p" => "\\p{…}", "P" => "\\P{…}" }
          .fetch(char) { char.match?(/\d/) ? "back-references" : "\\#{char}" })
      end

      # @return [String, nil] of \xHH and \uHHHH
      def code(char)
        digits = case char
                 when "x" then @rest.slice!(/\A\h{1,2}/)
                 when "u" then @rest.slice!(/\A\h{4}/) || @rest.slice!(/\A\{\h{1,6}\}/)&.delete("{}")
                 else return
                 end
        refuse("\\#{char} without one code") unless digits
        refuse("\\x#{digits} (a part of a character)") if char == "x" && digits.hex > 127
        "\\x{#{digits}}"
      end

      def set
        text = @rest.slice!(/\A\[\^?/)
        text << "\\]" if take("]")
        until take("]")
          refuse("a set without an end") if @rest.empty?
          refuse("sets within sets") if @rest.start_with?("[", "&&")
          text << (take("\\") ? escape_in_set : in_set(@rest.slice!(0)))
        end
        "#{text}]"
      end

      def escape_in_set
        return "\\x08" if take("b")

        refuse("\\#{@rest[0]} within []") if @rest.match?(/\A[ABzZ]/)

        found = escape
        return found unless found.start_with?("[")

        refuse("\\D, \\W, \\S or \\H within []") if found.start_with?("[^")
        found[1..-2]
      end

      # Rust has operators in sets that Ruby has not: -- and ~~.
      def in_set(char)
        "~&".include?(char) || (char == "-" && @rest.start_with?("-")) ? "\\#{char}" : char
      end

      def take(text)
        @rest.delete_prefix!(text)
      end

      def refuse(what)
        raise Errors::InvalidConfigurationError,
              "#{@label} is #{@regexp.inspect}, but filters run in the engine, whose expressions do not have #{what}. " \
              "Write it without, or skip in `consume`."
      end
    end
  end
end
