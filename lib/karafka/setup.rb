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

      # @param kind [String] what is unknown, such as "setting"
      # @param name [String, Symbol] what was given
      # @param names [Enumerable<String, Symbol>] what there is
      # @param prefix [String] goes before the names in the message
      # @return [void]
      # @raise [Errors::InvalidConfigurationError] always
      def unknown!(kind, name, names, prefix: "")
        raise Errors::InvalidConfigurationError, "Unknown #{kind} `#{prefix}#{name}`.#{suggestion(name, names, prefix: prefix)}"
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

        text = value.inspect
        text.length > 200 ? "#{text[0, 200]}…" : text
      end
    end
  end
end
