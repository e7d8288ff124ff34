# frozen_string_literal: true

module Karafka
  module Cli
    module Migration
      # The classes that an application defines, with what they inherit from and include, also across files.
      class Classes
        MOST_STEPS = 50
        private_constant :MOST_STEPS

        def initialize
          @parents = {}
          @mentioned = Hash.new { |hash, owner| hash[owner] = [] }
          @methods = {}
        end

        # @param use [RubyCode::Use]
        # @return [void]
        def read(use)
          case use.kind
          when :class then @parents[use.scope.owner] ||= use.parent
          when :constant then @mentioned[use.scope.owner] << use.name if use.scope.owner
          when :definition then @methods[use.name] = true
          end
        end

        # @param name [String]
        # @return [Boolean] whether the application defines such a class
        def defined?(name) = @parents.key?(name)

        # @param name [String]
        # @return [Boolean] whether the application defines a method of that name
        def method?(name) = @methods.key?(name)

        # @param name [String, nil] of a class
        # @param base [String]
        # @return [Boolean] whether it is that class, or inherits from it
        def below?(name, base) = ancestors(name).include?(base)

        # @param name [String, nil] of a class
        # @param modules [Array<String>]
        # @return [Boolean] whether it, or one that it inherits from, names one of them
        def includes?(name, modules)
          ancestors(name).any? { |one| @mentioned.key?(one) && (@mentioned[one] & modules).any? }
        end

        # @param base [String]
        # @return [Boolean] whether any class inherits from it
        def any_below?(base) = @parents.each_key.any? { |name| below?(name, base) }

        private

        # @return [Array<String>] itself and what it inherits from, as far as the application says
        def ancestors(name)
          found = []
          while name && found.size < MOST_STEPS && !found.include?(name)
            found << name
            name = parent(name)
          end
          found
        end

        def parent(name)
          given = @parents[name] or return
          modules = name.split("::")[0...-1]
          # As Ruby looks names up: in the class's own modules first.
          inner = modules.size.downto(1).map { |size| "#{modules.first(size).join("::")}::#{given}" }
          inner.find { |one| @parents.key?(one) } || given
        end
      end
    end
  end
end
