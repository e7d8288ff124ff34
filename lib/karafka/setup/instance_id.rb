# frozen_string_literal: true

require "etc"

module Karafka
  module Setup
    # `group.instance.id`, which has to be another one in each process: `orders-%{hostname}`, `orders-%{POD_NAME}`.
    # `%{position}` is the place of the subscription group among all of the application, from 0.
    module InstanceId
      PLACEHOLDER = /%\{([^}]*)\}/
      KNOWN = { "hostname" => -> { Etc.uname.fetch(:nodename) }, "pid" => -> { ::Process.pid.to_s } }.freeze
      POSITION = "position"
      VARIABLE = /\A[A-Z_][A-Z0-9_]*\z/
      NAME = "kafka \"group.instance.id\""
      # rubocop:disable Style/FormatStringToken -- not for `format`
      ALLOWED = "with the placeholders %{hostname}, %{pid}, %{position} and environment variables such as %{POD_NAME}"
      # rubocop:enable Style/FormatStringToken
      private_constant :ALLOWED, :PLACEHOLDER, :KNOWN, :POSITION, :VARIABLE, :NAME

      class << self
        # @param template [String]
        # @return [void]
        # @raise [Errors::InvalidConfigurationError] an unknown placeholder, or characters that no name may have
        def check!(template)
          return if template.nil?

          template.to_s.scan(PLACEHOLDER) do |(name)|
            next if KNOWN.key?(name) || name == POSITION || name.match?(VARIABLE)

            Setup.invalid!(NAME, template, "#{ALLOWED}; %{#{name}} is unknown#{near(name, [*KNOWN.keys, POSITION])}")
          end
          return if Types::NAME.allowed?(template.to_s.gsub(PLACEHOLDER, "x"))

          Setup.invalid!(NAME, template, "#{Types::NAME.description}, #{ALLOWED}")
        end

        # @param template [String]
        # @return [Boolean] whether it says itself where the subscription group's place goes
        def placed?(template)
          template.include?("%{#{POSITION}}")
        end

        # @param template [String]
        # @param position [Integer] of the subscription group
        # @param env [Hash{String=>String}]
        # @return [String] for this process
        # @raise [Errors::InvalidConfigurationError]
        def resolve(template, position: 0, env: ENV)
          check!(template)
          id = template.gsub(PLACEHOLDER) do
            name = Regexp.last_match(1)
            next position.to_s if name == POSITION

            KNOWN[name]&.call || variable(name, template, env)
          end
          Types::NAME.check(NAME, id)
        end

        private

        def near(name, names)
          known = names.find { |one| one.casecmp?(name) && one != name }
          known ||= DidYouMean::SpellChecker.new(dictionary: names).correct(name).first
          known ? " (did you mean %{#{known}}?)" : ""
        end

        def variable(name, template, env)
          value = env[name].to_s
          return value unless value.empty?

          Setup.invalid!(NAME, template, "with variables that are set: #{name} is not in the environment of this process" \
                                         "#{near(name, KNOWN.keys + env.keys)}")
        end
      end
    end
  end
end
