# frozen_string_literal: true

module Karafka
  module Compat
    # How contracts of other gems say what has to hold, by the names of karafka-core.
    #
    # @example
    #   class Audit < Karafka::Contracts::Base
    #     required(:name) { |name| name.is_a?(String) }
    #     optional(:audited) { |value| [true, false].include?(value) }
    #     virtual { |data, errors| errors.empty? && data[:name] == "x" ? [[%i[name], :taken]] : true }
    #   end
    module ContractRules
      # One of them. `path` is nil for what looks at everything.
      Rule = Struct.new(:path, :needed, :check)
      # What texts come from.
      Settings = Struct.new(:error_messages)
      private_constant :Rule, :Settings

      # @yieldparam config [#error_messages=] texts by key
      # @return [void]
      def configure
        yield(karafka_settings)
      end

      # @param path [Array<Symbol>] is needed
      # @yieldparam value [Object] true: it is right; false, or the key of a text: it is not
      # @return [void]
      def required(*path, &check) = own_rules << Rule.new([*@nesting, *path], true, check)

      # @param path [Array<Symbol>] is checked where it is given
      # @yieldparam value [Object] as for {#required}
      # @return [void]
      def optional(*path, &check) = own_rules << Rule.new([*@nesting, *path], false, check)

      # @yieldparam data [Hash]
      # @yieldparam errors [Hash] of the other rules
      # @return [void] true: all is well; else pairs of a path and the key of a text
      def virtual(&check) = own_rules << Rule.new(nil, false, check)

      # @param path [Symbol] that all rules of the block are below
      # @return [void]
      def nested(*path, &)
        around = @nesting
        @nesting = [*around, *path]
        class_eval(&)
      ensure
        @nesting = around
      end

      # @param data [Hash{Symbol=>Object}]
      # @return [Hash{Symbol=>String}]
      # @api private
      def problems(data)
        all = rules
        errors = all.select(&:path).each_with_object({}) { |rule, found| note(found, rule.path, broken(rule, data)) }
        all.reject(&:path).each do |rule|
          found = rule.check.call(data, errors)
          found.each { |path, key| note(errors, path, key) } if found.is_a?(Array)
        end
        errors
      end

      private

      def own_rules = @own_rules ||= []
      def karafka_settings = @karafka_settings ||= Settings.new({})

      protected

      def rules = [*(superclass.rules if superclass.singleton_class.include?(ContractRules)), *own_rules]

      def texts
        [*(superclass.texts if superclass.singleton_class.include?(ContractRules)), karafka_settings.error_messages]
      end

      private

      MISSING = Object.new.freeze
      private_constant :MISSING

      # @return [Symbol, nil] key of a text
      def broken(rule, data)
        value = rule.path.reduce(data) { |place, name| place.is_a?(Hash) ? place.fetch(name, MISSING) : MISSING }
        return (:missing if rule.needed) if MISSING.equal?(value)

        result = rule.check.call(value)
        return if result == true

        result.is_a?(Symbol) || result.is_a?(String) ? result : :"#{rule.path.last}_format"
      end

      def note(errors, path, key)
        return if key.nil?

        text = texts.reverse.filter_map { |one| one[key.to_s] || one[key.to_sym] }.first
        text ||= key if key.is_a?(String)
        errors[path.join(".").to_sym] = text || (key == :missing ? "is missing" : "is not valid (#{key})")
      end
    end
  end
end
