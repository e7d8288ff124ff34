# frozen_string_literal: true

module Karafka
  module Setup
    # An object with declared settings: each has a type, a default, a reader and a writer that checks.
    # A name that is not declared is refused with the nearest one.
    class Settings
      Definition = Struct.new(:type, :default, keyword_init: true)
      private_constant :Definition

      class << self
        # @param name [Symbol]
        # @param type [Type]
        # @param default [Object] a Proc is called on first use, in the object
        # @return [void]
        def setting(name, type, default = nil)
          definitions[name] = Definition.new(type: type, default: default)
          define_method(name) { read(name) }
          define_method(:"#{name}=") { |value| write(name, value) }
        end

        # A setting that places in the routes may have for themselves.
        # @param name [Symbol]
        # @param default [Object] as in {.setting}
        # @param there [Symbol] its name in the routes
        # @return [void]
        def routed(name, default, there = name)
          setting(name, Types::ROUTED.fetch(there), default)
        end

        # @param name [Symbol]
        # @param klass [Class<Settings>]
        # @return [void]
        def nested(name, klass)
          nested_settings[name] = klass
          define_method(name) do |&block|
            group = (@nested[name] ||= klass.new("#{@label}.#{name}"))
            block&.call(group)
            group
          end
          define_method(:"#{name}=") do |values|
            Setup.invalid!("#{@label}.#{name}", values, "a Hash of its settings") unless values.respond_to?(:to_hash)
            values.to_hash.each { |key, value| public_send(name).public_send(:"#{key}=", value) }
          end
        end

        # @return [Hash{Symbol=>Object}]
        def definitions
          @definitions ||= {}
        end

        # @return [Hash{Symbol=>Class<Settings>}]
        def nested_settings
          @nested_settings ||= {}
        end
      end

      # @param label [String] what the user calls this object, for messages
      def initialize(label)
        @label = label
        @values = {}
        @nested = {}
      end

      # @return [Hash{Symbol=>Object}]
      def to_h
        self.class.definitions.keys.to_h { |name| [name, public_send(name)] }
            .merge(self.class.nested_settings.keys.to_h { |name| [name, public_send(name).to_h] })
      end

      # @return [String] without the settings: some are secret
      def inspect
        "#<#{self.class}>"
      end

      # @param name [Symbol]
      # @return [Boolean] whether the user set it
      def set?(name)
        @values.key?(name) && !@defaults&.key?(name)
      end

      private

      def read(name)
        @values.fetch(name) { default(name) }
      end

      def default(name)
        default = self.class.definitions.fetch(name).default
        return default unless default.is_a?(Proc)

        (@defaults ||= {})[name] = true
        @values[name] = instance_exec(&default)
      end

      def write(name, value)
        @values[name] = self.class.definitions.fetch(name).type.check("#{@label}.#{name}", value)
        @defaults&.delete(name)
      end

      # Other names that unknown settings are compared with.
      def other_names
        []
      end

      def respond_to_missing?(_name, _include_private = false)
        false
      end

      def method_missing(name, *args, &)
        return super if name.end_with?("?", "!") || name.start_with?("to_")

        names = self.class.definitions.keys + self.class.nested_settings.keys + other_names
        Setup.unknown!("setting", name.to_s.delete_suffix("="), names, prefix: "#{@label}.")
      end
    end
  end
end
