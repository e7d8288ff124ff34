# frozen_string_literal: true

module Karafka
  module Cli
    module Migration
      # What the code of an application takes from one library: by the table alone.
      class LibraryRules
        # @param library [Knowledge::Library]
        # @param classes [Classes]
        # @param findings [Findings]
        # @param active [Boolean] whether the application uses the library at all: else names that others have, too, say nothing
        def initialize(library, classes, findings, active:)
          @library = library
          @classes = classes
          @findings = findings
          @active = active
        end

        # @param file [String]
        # @param use [RubyCode::Use]
        # @return [void]
        def apply(file, use)
          case use.kind
          when :constant then constant(file, use)
          when :definition then definition(file, use)
          when :assignment then assignment(file, use)
          when :call then call(file, use)
          end
        end

        private

        def add(file, use, subject, entry)
          @findings.add(file, use.line, @library, subject, entry) if entry
        end

        def constant(file, use)
          root = @library.root or return
          return unless use.name == root || use.name.start_with?("#{root}::")
          return if @classes.defined?(use.name)

          entry = @library.constant(use.name)
          # The root alone says nothing.
          add(file, use, use.name, entry) unless use.name == root && entry&.verdict == :works
        end

        # Classes of the application that the library calls.
        def consumer?(owner)
          return false if owner.nil?

          (@library.base && @classes.below?(owner, @library.base)) || @classes.includes?(owner, @library.includes)
        end

        def definition(file, use)
          add(file, use, "def #{use.name}", @library.entry("definitions", use.name)) if consumer?(use.scope.owner)
        end

        def assignment(file, use)
          add(file, use, use.name, @library.judge(use.name, use.arguments.first)) if configuration?(use.path)
          return unless use.path.first == "self" && consumer?(use.scope.owner)

          add(file, use, "#{use.full} =", @library.entry("own_calls", "#{use.full}="))
        end

        # `Racecar.config.x = …`, `Racecar.configure { |config| config.x = … }`.
        def configuration?(path)
          @library.known.any? && path.size == 3 && path[0] == @library.root && %w[config configure].include?(path[1])
        end

        def call(file, use)
          return required(file, use) if use.path == ["require"]

          return of_module(file, use) if of_module?(use)

          own = @library.entry("own_calls", use.name) if use.path.size == 1 && consumer?(use.scope.owner)
          return add(file, use, use.name, own) if own

          general(file, use) if @active
        end

        def of_module?(use) = use.path.size == 2 && use.path[0] == @library.root && @library.module_methods.any?

        def of_module(file, use)
          known = @library.module_methods.include?(use.name)
          entry = @library.entry("calls", use.name) || Knowledge.entry(known ? "works" : "do: there is no such method here")
          add(file, use, use.full, entry)
          options(file, use)
        end

        # The name alone says enough.
        def general(file, use)
          event(file, use)
          add(file, use, use.name, @library.entry("calls", use.name))
          options(file, use)
        end

        def required(file, use)
          name = use.arguments.first
          add(file, use, "require #{name.inspect}", @library.entry("requires", name)) if name.is_a?(String)
        end

        def options(file, use)
          return unless @library.option_calls.include?(use.name)
          return if use.name == "new" && use.path[0] != @library.root

          use.options.each_key { |name| add(file, use, "#{name}:", @library.entry("options", name.to_s)) }
        end

        # Of Active Support, where the name ends with that of the library.
        def event(file, use)
          name = use.arguments.first
          return unless use.name == "subscribe" && name.is_a?(String)

          @library.patterns("events").each { |pattern, entry| add(file, use, name, entry) if name.match?(pattern) }
        end
      end
    end
  end
end
