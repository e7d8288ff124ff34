# frozen_string_literal: true

module Karafka
  # Small helpers of Karafka 1.x that applications have used.
  module Helpers
    # Finds a class by the name of another one: `VideosConsumer` and `VideosResponder`.
    class ClassMatcher
      # @param klass [Class]
      # @param from [String] how its name ends
      # @param to [String] how the name of the other one ends
      def initialize(klass, from:, to:)
        @klass = klass
        @from = from
        @to = to
      end

      # @return [Class, nil]
      def match
        wanted = name
        return unless wanted && scope.const_defined?(wanted)

        found = scope.const_get(wanted)
        found unless found.equal?(@klass)
      end

      # @return [String, nil] name of the other one, without its modules; nil: the class has no name
      def name
        own = @klass.name&.split("::")&.last
        own&.sub(/#{Regexp.escape(@from)}\z/, @to)
      end

      # @return [Module] where the class is
      def scope
        modules = @klass.name.to_s.split("::")[0...-1]
        modules.empty? ? Object : Object.const_get(modules.join("::"))
      end
    end

    # One object that passes calls on to several, as for a log that goes to a file and to the terminal.
    class MultiDelegator
      # @param targets [Array<Object>]
      def initialize(*targets)
        @targets = targets
      end

      class << self
        # @param names [Array<Symbol>] what is passed on
        # @return [Class] `to(*targets)` makes an object of it
        def delegate(*names)
          Class.new(self) do
            names.each { |name| define_method(name) { |*given| @targets.map { |target| target.public_send(name, *given) } } }
          end
        end

        alias to new
      end
    end

    # Names as identifiers.
    module Inflector
      # @param text [String]
      # @return [String] in snake case, with underscores for what is neither a letter nor a digit
      def self.map(text)
        text.to_s.gsub(/(?<=[A-Z\d])(?=[A-Z][a-z])|(?<=[a-z\d])(?=[A-Z])/, "_").gsub(/[^A-Za-z\d]+/, "_").downcase
      end
    end

    # Colours of a terminal.
    module Colorize
      { green: 32, red: 31, yellow: 33, grey: 90 }.each do |name, code|
        define_method(name) { |text| "\e[#{code}m#{text}\e[0m" }
      end
    end
  end
end
