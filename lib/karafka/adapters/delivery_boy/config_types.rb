# frozen_string_literal: true

# The errors of the gem king_konf, which delivery_boy's settings were made with.
module KingKonf
  class ConfigError < StandardError; end unless const_defined?(:ConfigError, false)
end

module DeliveryBoy
  # A setting that does not exist, or a value that it cannot have.
  ConfigError = KingKonf::ConfigError

  # How settings are read from text, and what they may be.
  # @api private
  module ConfigTypes
    YES = [true, 1, "true", "1"].freeze
    NO = [false, 0, "false", "0"].freeze
    private_constant :YES, :NO

    module_function

    # @param type [Symbol]
    # @param name [Symbol]
    # @param value [Object, nil]
    # @return [Object, nil]
    # @raise [ConfigError]
    def read(type, name, value)
      value.nil? ? nil : public_send(type, name, value)
    end

    def integer(name, value)
      return value if value.is_a?(Integer)

      Integer(value.to_s, 10)
    rescue ArgumentError
      refuse(name, value, "an integer")
    end

    def boolean(name, value)
      return true if YES.include?(value)
      return false if NO.include?(value)

      refuse(name, value, "a boolean: true, 1, false or 0 are")
    end

    def list(_name, value) = value.is_a?(Array) ? value.map(&:to_s) : value.to_s.split(",").map(&:strip)
    def string(_name, value) = value.is_a?(Array) ? value : value.to_s
    def symbol(_name, value) = value.to_s.empty? ? nil : value.to_sym
    def object(_name, value) = value

    def refuse(name, value, what)
      raise ConfigError, "#{value.inspect} is not #{what} (#{name})"
    end
  end
  private_constant :ConfigTypes
end
