# frozen_string_literal: true

module Karafka
  module Routing
    # A Ruby Regexp as librdkafka wants it: a POSIX extended expression that starts with ^. What POSIX cannot express
    # is refused, because librdkafka would silently match something else.
    class PosixRegexp
      CLASSES = { "d" => "0-9", "w" => "[:alnum:]_", "s" => "[:space:]", "h" => "0-9a-fA-F" }.freeze
      NEGATED = CLASSES.transform_keys(&:upcase).freeze
      # In a bracket of POSIX a backslash is an ordinary character.
      ORDINARY = [".", "-", "/", "_", ":", ",", "@", "#", "%", "&", "=", "<", ">", "~", "!", ";", '"', "'", " "].freeze
      private_constant :CLASSES, :NEGATED, :ORDINARY

      # @param regexp [Regexp]
      # @return [String] the expression for librdkafka
      # @raise [Errors::InvalidConfigurationError] where POSIX has no such thing
      def self.posix(regexp)
        new(regexp).posix
      end

      # @param regexp [Regexp]
      def initialize(regexp)
        @regexp = regexp
        @rest = regexp.source.dup
        return if (regexp.options & ~Regexp::FIXEDENCODING & ~Regexp::NOENCODING).zero?

        refuse("the options /i, /m and /x: write [Aa] for a letter in either case")
      end

      # @return [String]
      def posix
        alternatives = [Alternative.new]
        depth = 0
        until @rest.empty?
          next if depth.zero? && top_level(alternatives)

          depth += { "(" => 1, ")" => -1 }.fetch(@rest[0], 0)
          alternatives.last.add(token, self)
        end
        join(alternatives)
      end

      # @param what [String]
      # @raise [Errors::InvalidConfigurationError] always
      def refuse(what)
        raise Errors::InvalidConfigurationError,
              "The topic pattern #{@regexp.inspect} cannot be given to librdkafka, whose patterns are POSIX expressions: " \
              "they do not have #{what}."
      end

      # One side of a top-level `|`.
      class Alternative
        def initialize
          @text = +""
          @anchored = false
          @finished = false
        end

        # @return [String]
        def to_s
          "#{".*" unless @anchored}#{@text}#{"$" if @finished}"
        end

        # @param text [String]
        # @param pattern [PosixRegexp]
        def add(text, pattern)
          pattern.refuse("an anchor in the middle") if @finished
          @text << text
        end

        # @param pattern [PosixRegexp]
        def start!(pattern)
          pattern.refuse("an anchor in the middle") unless @text.empty?
          @anchored = true
        end

        # @return [true]
        def finish!
          @finished = true
        end
      end
      private_constant :Alternative

      private

      def join(alternatives)
        alternatives.size == 1 ? "^#{alternatives.first}" : "^(#{alternatives.join("|")})"
      end

      # What means something else outside of all groups.
      # @return [Object, nil] nil: there was no such thing
      def top_level(alternatives)
        if take("|") then alternatives << Alternative.new
        elsif start_anchor then alternatives.last.start!(self)
        elsif end_anchor then alternatives.last.finish!
        end
      end

      def take(text)
        @rest.delete_prefix!(text)
      end

      def start_anchor
        take("\\A") || take("^")
      end

      def end_anchor
        take("\\z") || take("\\Z") || take("$")
      end

      def token
        if @rest.start_with?("[") then bracket
        elsif take("\\") then escape
        elsif take("(?:") || @rest.sub!(/\A\(\?<[a-zA-Z_]\w*>/, "") then "("
        elsif @rest.start_with?("(?") then refuse("groups that begin with (?, such as look-arounds and options")
        elsif @rest.match?(/\A[*+?}][?+]/) then refuse("lazy or possessive repetition")
        elsif @rest.match?(/\A[$^]/) then refuse("an anchor in the middle")
        else
          @rest.slice!(0)
        end
      end

      def escape
        char = @rest.slice!(0)
        return "[#{CLASSES[char]}]" if CLASSES.key?(char)
        return "[^#{NEGATED[char]}]" if NEGATED.key?(char)
        return char if char.match?(%r{[-_/:,@#%&=<>~!;"' ]})
        return "\\#{char}" if char.match?(/[.\[\](){}*+?|^$\\]/)

        refuse("\\#{char}")
      end

      def bracket
        inner = @rest.slice!(/\A\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\\[])*\]/) or refuse("sets within sets")
        refuse("sets within sets") if inner.include?("&&")
        # Unescaped it would make a range; last it is itself.
        inner = "#{inner.gsub("\\-", "").chop}-]" if inner.include?("\\-")
        inner.gsub(/\\(.)/) do
          char = Regexp.last_match(1)
          next CLASSES[char] if CLASSES.key?(char)
          next char if ORDINARY.include?(char)

          refuse("\\#{char} within []")
        end
      end
    end
  end
end
