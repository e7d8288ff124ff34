# frozen_string_literal: true

module Karafka
  module OnRails
    # In a Rails application there is one environment, and Rails decides which: a production Kafka beside a development
    # database is nobody's intention.
    module Environment
      class << self
        # Before a command loads Rails: where KARAFKA_ENV alone is set, it is meant for both.
        # @return [String] what Rails will be in
        def prepare
          @rails_given = !rails.nil?
          ENV["RAILS_ENV"] = given("KARAFKA_ENV") if given("KARAFKA_ENV") && !@rails_given
          rails || Env::DEFAULT
        end

        # Once Rails has decided.
        # @return [void]
        def follow
          name = ::Rails.env.to_s
          own = given("KARAFKA_ENV")
          if own && own != name && !fell_back?
            warn("karafka: KARAFKA_ENV is #{own}, but Rails is in #{name}, and that decides. Set only RAILS_ENV.")
          end
          Karafka.env = name
        end

        # @return [void]
        # @raise [Errors::InvalidConfigurationError] Rails is in development for want of a name, and KARAFKA_ENV names another one
        def check!
          own = given("KARAFKA_ENV")
          return unless own && own != ::Rails.env.to_s && fell_back?

          raise Errors::InvalidConfigurationError,
                "KARAFKA_ENV is #{own}, but Rails is in #{::Rails.env}: a Kafka of #{own} and a database of #{::Rails.env} in one " \
                "process. Set RAILS_ENV=#{own}; KARAFKA_ENV is not needed in a Rails application."
        end

        private

        # Puma and the commands of Rails write their default to RAILS_ENV or RACK_ENV before they load the application.
        def fell_back?
          ::Rails.env.to_s == Env::DEFAULT && !@rails_given
        end

        # What Rails asks, in its order.
        def rails
          given("RAILS_ENV") || given("RACK_ENV")
        end

        def given(name)
          value = ENV[name].to_s
          value unless value.empty?
        end
      end
    end
  end
end
