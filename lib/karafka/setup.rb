# frozen_string_literal: true

require "did_you_mean"

module Karafka
  # Settings: what there is, what each may be, and what librdkafka says about them.
  module Setup
    class << self
      # @param setting [String, Symbol] full name, as the user writes it
      # @param value [Object]
      # @param allowed [String] completes "must be …"
      # @return [void]
      # @raise [Errors::InvalidConfigurationError] always
      def invalid!(setting, value, allowed)
        raise Errors::InvalidConfigurationError, "#{setting} is #{describe(setting, value)}, but must be #{allowed}."
      end

      # @param setting [String, Symbol] full name, as the user writes it
      # @param value [Object] not shown: it may hold passwords
      # @param allowed [String] completes "must be …"
      # @return [void]
      # @raise [Errors::InvalidConfigurationError] always
      def no_hash!(setting, value, allowed)
        raise Errors::InvalidConfigurationError, "#{setting} is of class #{value.class}, but must be #{allowed}."
      end

      # @param value [Object]
      # @return [Boolean] whether it is a time of ActiveSupport (`30.seconds`), which counts in seconds
      def duration?(value)
        defined?(::ActiveSupport::Duration) && ::ActiveSupport::Duration === value # rubocop:disable Style/CaseEquality -- it says that it is an Integer
      end

      # @param kind [String] what is unknown, such as "setting"
      # @param name [String, Symbol] what was given
      # @param names [Enumerable<String, Symbol>] what there is
      # @param prefix [String] goes before the names in the message
      # @param bare [Boolean] whether it stood there without a value, as a variable does
      # @return [void]
      # @raise [Errors::InvalidConfigurationError] always
      def unknown!(kind, name, names, prefix: "", bare: false)
        variable = " Or did you mean a variable? There is none called #{name} here." if bare
        raise Errors::InvalidConfigurationError, "Unknown #{kind} `#{prefix}#{name}`.#{suggestion(name, names, prefix: prefix)}#{variable}"
      end

      # @param name [String, Symbol]
      # @param names [Enumerable<String, Symbol>]
      # @param prefix [String]
      # @return [String] the nearest name, else (where they are few) all of them
      def suggestion(name, names, prefix: "")
        all = names.map(&:to_s).uniq
        nearest = DidYouMean::SpellChecker.new(dictionary: all).correct(name.to_s).first
        return " Did you mean `#{prefix}#{nearest}`?" if nearest
        return "" if all.size > 60

        " There are: #{all.sort.join(", ")}."
      end

      private

      def describe(setting, value)
        return "set to something secret" if KafkaSettings.secret?(setting)

        # Classes have names; their `inspect` may be anything, such as a question to a database.
        text = (value.is_a?(Module) && value.name) || value.inspect
        text.length > 200 ? "#{text[0, 200]}…" : text
      end
    end
  end
end
