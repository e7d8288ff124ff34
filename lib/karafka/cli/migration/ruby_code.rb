# frozen_string_literal: true

require "ripper"

module Karafka
  module Cli
    module Migration
      # What a Ruby file uses: classes and their parents, methods that are defined, constants, calls and assignments, each with its
      # line, its literal arguments and the blocks that it stands in. Nothing is run.
      class RubyCode
        # `path` is what is called, such as ["Karafka::App", "setup", "kafka", "seed_brokers"]: the first parameter of a block stands for
        # what the block was given to. `arguments` are positional values, `options` a Hash; `block` is the call's own block.
        Use = Struct.new(:kind, :path, :line, :arguments, :options, :scope, :block, :parent, keyword_init: true) do
          # @return [String]
          def name = path.last
          # @return [String]
          def full = path.join(".")
        end
        # A block: what it was given to, with its line and the first argument.
        Block = Struct.new(:path, :line, :argument)
        # Where something stands: modules, the class, blocks, and what local names stand for.
        Scope = Struct.new(:modules, :owner, :blocks, :names) do
          def in_module(name) = Scope.new([*modules, name], owner, blocks, names)
          def in_class(name) = Scope.new([*modules, name], [*modules, name].join("::"), blocks, names)

          def in_block(block, parameter)
            Scope.new(modules, owner, [*blocks, block], parameter ? names.merge(parameter => block.path) : names)
          end
        end
        TOP = Scope.new([], nil, [], {})

        # Kind of node => method that takes it.
        VISITS = {
          class: :klass, module: :mod, def: :definition, defs: :definition, assign: :assignment, opassign: :assignment,
          command: :call, command_call: :call, method_add_arg: :call, call: :call, fcall: :call, vcall: :call, method_add_block: :call,
          var_ref: :constant, const_path_ref: :constant, top_const_ref: :constant
        }.freeze
        # The text is in UTF-8, whatever its first lines say.
        MAGIC = /\A(?:#.*\n)?#.*coding[:=].*/
        private_constant :TOP, :VISITS, :MAGIC

        # @return [String, nil] why only names were found; nil: the whole file was read
        attr_reader :problem

        # @param text [String] of a file, in UTF-8
        def initialize(text)
          @text = text.sub(MAGIC) { |comment| comment.gsub(/[^#\n]/, " ") }
        end

        # @yieldparam use [Use]
        # @return [void]
        def each(&block)
          @block = block
          tree = Ripper.sexp(@text)
          return visit(tree, TOP) if tree

          @problem = "it is no Ruby that #{RUBY_VERSION} can read#{place}, so only names of classes were looked for"
          names_only
        rescue SystemStackError
          @problem = "it is nested too deeply to be read"
        rescue ArgumentError, EncodingError => e
          @problem = "it cannot be read: #{e.message}"
        end

        private

        # Keeps the line of the first mistake.
        class Mistake < Ripper
          # @return [Integer, nil]
          attr_reader :first_line

          def on_parse_error(*)
            @first_line = lineno if @first_line.nil?
          end
        end
        private_constant :Mistake

        def place
          line = Mistake.new(@text).tap(&:parse).first_line
          line ? " (line #{line})" : ""
        end

        # Names are found in broken code, too.
        def names_only
          name = +""
          line = nil
          Ripper.lex(@text).each do |(at, _), type, text|
            if type == :on_const || (text == "::" && !name.empty?)
              line ||= at
              name << text
              next
            end
            found(:constant, [name.delete_suffix("::")], line, TOP) unless name.empty?
            name = +""
            line = nil
          end
        end

        def found(kind, path, line, scope, **more)
          @block.call(Use.new(kind: kind, path: path, line: line, arguments: [], options: {}, scope: scope, **more))
        end

        def visit(node, scope)
          return unless node.is_a?(Array)

          visit = VISITS[node[0]] if node[0].is_a?(Symbol)
          visit ? send(visit, node, scope) : node.each { |child| visit(child, scope) if child.is_a?(Array) }
        end

        def klass(node, scope)
          name = Nodes.path(node[1])&.join("::").to_s
          inside = scope.in_class(name)
          found(:class, [name], Nodes.line(node[1]), inside, parent: Nodes.path(node[2])&.join("::"))
          visit(node[2], scope)
          visit(node[3], inside)
        end

        def mod(node, scope)
          visit(node[2], scope.in_module(Nodes.path(node[1])&.join("::").to_s))
        end

        def definition(node, scope)
          singleton = node[0] == :defs
          token = node[singleton ? 3 : 1]
          found(:definition, ["#{"self." if singleton}#{token[1]}"], token.dig(2, 0), scope)
          node.drop(singleton ? 4 : 2).each { |part| visit(part, scope) }
        end

        def assignment(node, scope)
          target = node[1]
          path = Nodes.target(target, scope.names)
          found(:assignment, path, Nodes.line(target), scope, arguments: [Literals.value(node.last)]) if path
          visit(target[1], scope) if %i[field aref_field].include?(target[0])
          visit(node.last, scope)
        end

        def call(node, scope)
          head, block = node[0] == :method_add_block ? node.drop(1) : [node, nil]
          positional, named = Nodes.arguments(head)
          path = Nodes.path(head, scope.names)
          values = positional.map { |one| Literals.value(one) }
          own = Block.new(path || ["?"], Nodes.line(head), values.first) if block
          found(:call, path, Nodes.line(head), scope, arguments: values, options: options(named), block: own) if path
          receiver(head, scope)
          [*positional, *named].each { |one| visit(one, scope) }
          visit(block[2], scope.in_block(own, Nodes.parameter(block))) if block
        end

        def options(nodes)
          nodes.map { |one| Literals.value(one) }.grep(Hash).reduce({}, :merge)
        end

        # It may have calls with blocks and arguments of its own.
        def receiver(head, scope)
          head = head[1] if head[0] == :method_add_arg
          visit(head[1], scope) if %i[call command_call].include?(head[0])
        end

        def constant(node, scope)
          path = Nodes.path(node, scope.names)
          found(:constant, path, Nodes.line(node), scope) if path&.one? && path.first.match?(/\A[A-Z]/)
        end
      end
    end
  end
end
