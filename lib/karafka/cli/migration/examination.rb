# frozen_string_literal: true

module Karafka
  module Cli
    module Migration
      # Reads an application, finds out which libraries it uses, and applies what is known of them. Nothing of the application is run.
      class Examination
        # Files in which none of these stands have nothing to do with any of the libraries.
        WORTH_READING = /karafka|kafka|racecar|phobos|delivery_?boy|water_?drop|worker_?glass|consumer|controller|responder|producer/i
        # What is kept of a file besides classes, methods and assignments: names that some rule asks for.
        ROOTS = Knowledge.libraries.filter_map(&:root).freeze
        CALLS = (Knowledge.libraries.flat_map { |library| library.names("calls") + library.names("own_calls") + library.option_calls } +
                 %w[require gem subscribe setup topic add_dependency add_runtime_dependency add_development_dependency])
                .to_h { |name| [name.split(".").last, true] }.freeze
        GEMS = %r{(\A|/)(Gemfile|gems\.rb|[\w.-]+\.gemspec)\z}
        private_constant :WORTH_READING, :ROOTS, :CALLS, :GEMS

        # A library that the application uses, with the version where it is known.
        Used = Struct.new(:name, :version, :page)

        # @return [Tree]
        attr_reader :tree

        # @param root [String, Pathname]
        # @param tree [Tree]
        def initialize(root, tree: Tree.new(root))
          @tree = tree
          @bundle = Bundle.new
          @classes = Classes.new
          @findings = Findings.new(@bundle)
          @uses = Hash.new { |hash, file| hash[file] = [] }
          @texts = {}
        end

        # @return [Array<Finding>]
        def call
          read
          @bundle.findings.each { |finding| @findings << finding }
          code
          files = FileRules.new(@findings, @tree)
          @texts.each { |file, text| files.apply(file, text, libraries) }
          @findings.to_a
        end

        # @return [Array<Used>]
        def used
          libraries.map { |library| Used.new(library.name, @bundle.version(library.gem), @bundle.page(library)) }
        end

        private

        def read
          @tree.each do |file, kind|
            text = @tree.read(file) or next
            case kind
            when :lock then @bundle.read_lock(text)
            when :ruby then ruby(file, text)
            # Most of them are about something else.
            when :commands then @texts[file] = text if text.match?(WORTH_READING) || FileRules.of(file).any?
            end
          end
        end

        def ruby(file, text)
          return unless text.match?(WORTH_READING) || file.match?(GEMS)

          code = RubyCode.new(text)
          code.each do |use|
            @classes.read(use)
            @bundle.read(file, use) if file.match?(GEMS)
            @uses[file] << use if kept?(use)
          end
          @tree.unread << Tree::Unread.new(file, code.problem) if code.problem
        end

        def kept?(use)
          case use.kind
          when :class then false
          when :constant then ROOTS.any? { |root| use.name.start_with?(root) }
          when :call then CALLS.key?(use.name) || ROOTS.include?(use.path.first) || in_routes?(use)
          else true
          end
        end

        def in_routes?(use) = use.scope.blocks.any? { |block| %w[draw redraw].include?(block.path.last) }

        # Those whose gem the Gemfile has, whose files are loaded, or whose names stand in the code.
        def libraries
          @libraries ||= Knowledge.libraries.select { |library| @bundle.asks_for?(library.gem) || named?(library) || settings?(library) }
        end

        def named?(library)
          @uses.each_value.any? do |uses|
            uses.any? do |use|
              case use.kind
              when :constant then library.root && (use.name == library.root || use.name.start_with?("#{library.root}::"))
              when :call then use.path == ["require"] && library.names("requires").include?(use.arguments.first)
              end
            end
          end
        end

        def settings?(library) = library.files.keys.any? { |file| @texts.key?(file) }

        def code
          @karafka = KarafkaRules.new(@classes, @findings)
          application = karafka_application if libraries.any? { |library| library.name == "karafka" }
          rules = Knowledge.libraries.map { |library| rules_of(library) }
          each_use { |file, use| rules.each { |rule| rule.apply(file, use) } }
          application&.judge
        end

        def karafka_application
          application = KarafkaApplication.new(@bundle.version("karafka"), @karafka, @findings)
          each_use { |file, use| application.read(file, use) }
          @bundle.assume("karafka", application.beginning)
          application
        end

        def rules_of(library)
          return @karafka if library.name == "karafka"

          rules = library.name == "waterdrop" ? WaterDropRules : LibraryRules
          rules.new(library, @classes, @findings, active: libraries.include?(library))
        end

        def each_use(&block)
          @uses.each { |file, uses| uses.each { |use| block.call(file, use) } }
        end
      end
    end
  end
end
