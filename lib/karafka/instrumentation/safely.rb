# frozen_string_literal: true

module Karafka
  module Instrumentation
    # For places where a subscriber that raises must not do harm: a failing error tracker must not stop a worker.
    module Safely
      class << self
        # @param name [String]
        # @param payload [Hash{Symbol=>Object}]
        # @return [void]
        def instrument(name, payload)
          Karafka.monitor.instrument(name, payload)
          nil
        rescue SystemExit, SignalException, NoMemoryError
          raise
        rescue Exception => e # rubocop:disable Lint/RescueException -- of other people's code anything may come
          complain(name, e)
        end

        # Runs the block within the event, as monitors of tracers want it. What the block raises goes through; once it has
        # returned, a subscriber that fails must not have the work done again.
        # @param name [String]
        # @param payload [Hash{Symbol=>Object}]
        # @return [void]
        # @raise [Errors::InvalidConfigurationError] the monitor did not call the block
        def around(name, payload)
          done = false
          Karafka.monitor.instrument(name, payload) do
            yield
            done = true
          end
          return if done

          raise Errors::InvalidConfigurationError, "#{Karafka.monitor.class}#instrument did not call its block for #{name.inspect}"
        rescue SystemExit, SignalException, NoMemoryError
          raise
        rescue Exception => e # rubocop:disable Lint/RescueException -- of other people's code anything may come
          raise unless done

          complain(name, e)
        end

        # An error that nobody subscribed to goes to the log.
        # @param error [Exception]
        # @param type [String] what was going on, such as "consumer.consume.error"
        # @param caller [Object]
        # @param rest [Hash{Symbol=>Object}]
        # @return [void]
        def error(error, type, caller: nil, **rest)
          return log(error, type) unless Karafka.monitor.listening?("error.occurred")

          instrument("error.occurred", { caller: caller, error: error, type: type, **rest })
        end

        # The last resort, where there is no logger that works.
        # @param text [String]
        # @return [void]
        def say(text)
          warn "karafka: #{text}"
        rescue SystemCallError, IOError
          nil # stderr is closed as well, such as by `karafka server 2>&1 | head`
        end

        private

        def log(error, type)
          Karafka.logger.error(["#{type}: #{error.class}: #{error.message}", *error.backtrace&.first(20)].join("\n  "))
        rescue StandardError => e
          say("#{type}: #{error.class}: #{error.message} (and the logger raised #{e.class}: #{e.message})")
        end

        def complain(name, error)
          Karafka.logger.error("a subscriber of #{name.inspect} raised #{error.class}: #{error.message} (#{error.backtrace&.first})")
        rescue StandardError
          say("a subscriber of #{name.inspect} raised #{error.class}: #{error.message}, and so did the logger")
        end
      end
    end
  end
end
