# frozen_string_literal: true

module Karafka
  module Instrumentation
    # For places where a subscriber that raises must not do harm: a failing error tracker must not stop a worker.
    module Safely
      class << self
        # @return [#call, nil] gets each error with its type and caller, besides the subscribers
        attr_accessor :reporter

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
          ErrorCounts.add(type)
          report(error, type, caller) if @reporter
          return log(error, type) unless Karafka.monitor.listening?("error.occurred")

          instrument("error.occurred", { caller: caller, error: error, type: type, **rest })
        end

        # @param error [Exception] its message may have any encoding and any length
        # @param bytes [Integer]
        # @return [String] the message, valid UTF-8
        def bounded_message(error, bytes)
          text = message_of(error).dup.force_encoding(Encoding::UTF_8)
          text.bytesize > bytes ? "#{text.byteslice(0, bytes).scrub("")}…" : text.scrub("?")
        end

        # @param error [Exception] of any class: its `message` may raise, and then the error that it describes must not be lost
        # @return [String]
        def message_of(error)
          Text.readable(error.message.to_s)
        rescue StandardError => e
          "its message cannot be shown (#{e.class})"
        end

        # @param name [String] of an event
        # @param error [Exception] that one of its subscribers has raised
        # @return [void]
        def complain(name, error)
          place = Text.backtrace(error).first
          Karafka.logger.error("a subscriber of #{name.inspect} raised #{error.class}: #{message_of(error)} (#{place})")
        rescue StandardError
          say("a subscriber of #{name.inspect} raised #{error.class}: #{message_of(error)}, and so did the logger")
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

        def report(error, type, caller)
          @reporter.call(error, type, caller)
        rescue StandardError => e
          complain("error.occurred", e)
        end

        def log(error, type)
          Karafka.logger.error(["#{type}: #{error.class}: #{message_of(error)}", *Backtrace.of(error)].join("\n  "))
        rescue StandardError => e
          say("#{type}: #{error.class}: #{message_of(error)} (and the logger raised #{e.class}: #{e.message})")
        end
      end
    end
  end
end
