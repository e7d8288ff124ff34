# frozen_string_literal: true

module Karafka
  module Cli
    module Migration
      # What can be known of a value from Ripper's tree alone, without running anything.
      module Literals
        # The value is only known when the application runs.
        UNKNOWN = Object.new.freeze

        WORDS = { "true" => true, "false" => false, "nil" => nil }.freeze
        TEXTS = %i[@ident @const @kw @tstring_content @label].freeze
        # The most that `60 * 1_000` and the like are worked out to.
        MOST = 10**15
        # Kind of node => what makes a value of it.
        READERS = {
          :@int => ->(node) { Integer(node[1]) }, :@float => ->(node) { Float(node[1]) },
          string_literal: ->(node) { text(node[1]) }, symbol_literal: ->(node) { symbol(node[1][1]) },
          dyna_symbol: ->(node) { symbolized(text(node[1])) }, var_ref: ->(node) { WORDS.fetch(node[1][1], UNKNOWN) },
          array: ->(node) { list(node[1]) }, hash: ->(node) { node[1] ? pairs(node[1][1]) : {} },
          bare_assoc_hash: ->(node) { pairs(node[1]) },
          paren: ->(node) { node[1].is_a?(Array) && node[1].size == 1 ? value(node[1][0]) : UNKNOWN },
          unary: ->(node) { negated(node) }, binary: ->(node) { calculated(node) }, call: ->(node) { freezing(node) }
        }.freeze
        private_constant :WORDS, :TEXTS, :MOST, :READERS

        module_function

        # @param node [Array, nil] of Ripper.sexp
        # @return [Object] a String, Symbol, Numeric, Array, Hash, true, false or nil; {UNKNOWN}
        def value(node)
          reader = READERS[node[0]] if node.is_a?(Array)
          reader ? reader.call(node) : UNKNOWN
        rescue ArgumentError
          UNKNOWN
        end

        # @param known [Object]
        # @return [Boolean] whether it, and all in it, is known
        def known?(known)
          case known
          when UNKNOWN then false
          when Array then known.all? { |one| known?(one) }
          when Hash then known.all? { |key, one| known?(key) && known?(one) }
          else true
          end
        end

        # @param token [Array] such as [:@ident, "setup", [1, 2]]
        # @return [String]
        def name(token) = token[1].to_s.delete_suffix(":")

        def text(node)
          return "" if node == [:string_content]

          parts = node.is_a?(Array) ? node.drop(1) : []
          parts.all? { |part| part.is_a?(Array) && part[0] == :@tstring_content } ? parts.map { |part| part[1] }.join : UNKNOWN
        end

        def symbol(token) = token.is_a?(Array) && token[1].is_a?(String) ? token[1].to_sym : UNKNOWN
        def symbolized(text) = text.is_a?(String) ? text.to_sym : UNKNOWN

        # Words of %w[] and %i[] are bare tokens.
        def list(nodes)
          return [] if nodes.nil?
          return UNKNOWN unless nodes.is_a?(Array) && nodes[0].is_a?(Array)

          nodes.map { |one| TEXTS.include?(one[0]) ? one[1] : value(one) }
        end

        def pairs(nodes)
          return UNKNOWN unless nodes.is_a?(Array)

          nodes.each_with_object({}) do |pair, found|
            next unless pair[0] == :assoc_new

            key = pair[1][0] == :@label ? name(pair[1]).to_sym : value(pair[1])
            found[key] = pair[2] ? value(pair[2]) : UNKNOWN
          end
        end

        def negated(node)
          number = value(node[2])
          number.is_a?(Numeric) && node[1] == :-@ ? -number : UNKNOWN
        end

        def calculated(node)
          left, right = [node[1], node[3]].map { |part| value(part) }
          return UNKNOWN unless left.is_a?(Numeric) && right.is_a?(Numeric) && %i[+ - *].include?(node[2])

          result = left.public_send(node[2], right)
          result.abs <= MOST ? result : UNKNOWN
        end

        # `"a".freeze` is "a".
        def freezing(node)
          return UNKNOWN unless node[3].is_a?(Array) && node[3][1] == "freeze"

          value(node[1])
        end
        private_class_method :text, :symbol, :symbolized, :list, :pairs, :negated, :calculated, :freezing
      end
    end
  end
end
