# frozen_string_literal: true

module Karafka
  module Cli
    module Migration
      # Reads parts of Ripper's tree: what is called, with which arguments, at which line.
      module Nodes
        CALLS = %i[call command_call].freeze
        # Kind of node => what makes a path of it.
        PATHS = {
          %i[vcall fcall var_ref var_field] => ->(node, names) { named(node[1], names) },
          %i[const_ref top_const_ref command] => ->(node, _) { [Literals.name(node[1])] },
          CALLS => ->(node, names) { below(node, names) },
          %i[method_add_arg method_add_block] => ->(node, names) { path(node[1], names) },
          %i[const_path_ref] => ->(node, names) { nested(path(node[1], names), node[2]) },
          %i[aref] => ->(node, names) { path(node[1], names)&.+([key(node) || "[]"]) },
          %i[paren] => ->(node, names) { path(node[1][0], names) if node[1].is_a?(Array) && node[1].size == 1 }
        }.flat_map { |kinds, reader| kinds.map { |kind| [kind, reader] } }.to_h.freeze
        # Where the arguments of a call are.
        ARGUMENTS = { command: 2, method_add_arg: 2, command_call: 4 }.freeze
        private_constant :PATHS, :CALLS, :ARGUMENTS

        module_function

        # @param node [Array, nil]
        # @param names [Hash{String=>Array<String>}] what local names stand for
        # @return [Array<String>, nil] names with dots between them; nil: it is no such thing
        def path(node, names = {})
          return unless node.is_a?(Array)

          reader = PATHS[node[0]] if node[0].is_a?(Symbol)
          reader&.call(node, names)
        end

        # @param node [Array] of what is assigned to
        # @param names [Hash{String=>Array<String>}]
        # @return [Array<String>, nil] nil: a variable, or not known
        def target(node, names)
          case node[0]
          when :field then path(node[1], names)&.+([Literals.name(node[3])])
          when :aref_field then key(node)&.then { |key| path(node[1], names)&.+([key]) }
          end
        end

        # @param call [Array] without its block
        # @return [Array(Array, Array)] nodes of the positional arguments, and of named ones
        def arguments(call)
          at = ARGUMENTS[call[0]]
          (at ? list(call[at]) : []).partition { |one| one[0] != :bare_assoc_hash }
        end

        # @param block [Array]
        # @return [String, nil] its first parameter
        def parameter(block)
          first = block[1].is_a?(Array) && block[1][0] == :block_var ? block[1].dig(1, 1, 0) : nil
          first[1] if first.is_a?(Array) && first[0] == :@ident
        end

        # @param node [Array, nil]
        # @return [Integer, nil] of a call that of its name, else of the first token
        def line(node)
          return unless node.is_a?(Array)
          return node[2][0] if node[0].to_s.start_with?("@") && node[2].is_a?(Array)

          name = CALLS.include?(node[0]) ? node[3] : nil
          return name[2][0] if name.is_a?(Array) && name[2].is_a?(Array)

          node.each { |child| line(child)&.then { |found| return found } if child.is_a?(Array) }
          nil
        end

        def list(node)
          return [] unless node.is_a?(Array)
          return list(node[1]) if node[0] == :arg_paren
          return node[1].is_a?(Array) && node[1][0].is_a?(Array) ? node[1] : [] if node[0] == :args_add_block

          node[0].is_a?(Array) ? node : []
        end

        # @return [String, nil] of `[:key]`, where it is known
        def key(node)
          key = Literals.value(list(node[2]).first)
          key.to_s if key.is_a?(String) || key.is_a?(Symbol)
        end

        def nested(base, token)
          ["#{base[0]}::#{token[1]}"] if base&.one?
        end

        # A receiver that is no name, such as a text, still leaves the name of what is called. `proc.()` has none.
        def below(node, names)
          return unless node[3].is_a?(Array)

          (path(node[1], names) || ["?"]) + [Literals.name(node[3])]
        end

        def named(token, names)
          name = Literals.name(token)
          token[0] == :@ident ? names.fetch(name, [name]) : [name]
        end
        private_class_method :list, :key, :nested, :below, :named
      end
    end
  end
end
