# frozen_string_literal: true

module Karafka
  module OnRails
    # Tells Rails where a piece of work begins and ends: there it gives database connections back, resets CurrentAttributes
    # and empties its query cache, also after an exception. In development changed code is loaded there.
    class Execution
      # What Rails looks at to find out is every file of the application, so not at each batch: at least this often, seconds, and
      # where a look is quick, as often as costs a twentieth of the time.
      CHECK_EVERY = 1.0
      CHECK_SHARE = 20
      # New code waits this long for batches that run to end; then the next one goes on with the old code. Seconds.
      LONGEST_WAIT = 5.0
      private_constant :CHECK_EVERY, :CHECK_SHARE, :LONGEST_WAIT

      # @return [Rails::Application, nil] that of this process, once it is initialized
      def self.application
        return unless defined?(::Rails.application)

        application = ::Rails.application
        application if application&.initialized?
      end

      # @param application [#executor, #reloader, #config]
      # @param check_every [Numeric] seconds
      # @param longest_wait [Numeric] seconds
      def initialize(application, check_every: CHECK_EVERY, longest_wait: LONGEST_WAIT)
        @application = application
        config = application.config
        @reloads = config.respond_to?(:reloading_enabled?) ? config.reloading_enabled? : !config.cache_classes
        @check_every = check_every
        @longest_wait = longest_wait
        @mutex = Mutex.new
        @left = ConditionVariable.new
        @inside = 0
        @checked_at = nil
        @pause = check_every
      end

      # @param fresh [Boolean] whether code that has changed is to be loaded before, where the application reloads at all
      # @return [Object] what the block returns
      def wrap(fresh: false, &block)
        return @application.executor.wrap(&block) unless @reloads

        enter(fresh)
        begin
          @application.executor.wrap(&block)
        ensure
          leave
        end
      end

      private

      # Classes are never taken away while somebody works with them: all wait until nobody does.
      def enter(fresh)
        @mutex.synchronize do
          load_changes if fresh && due?
          @inside += 1
        end
      end

      def leave
        @mutex.synchronize do
          @inside -= 1
          @left.broadcast
        end
      end

      def due?
        @checked_at.nil? || Clock.now - @checked_at >= @pause
      end

      def load_changes
        if changed?
          give_up = Clock.now + @longest_wait
          @left.wait(@mutex, give_up - Clock.now) while @inside.positive? && Clock.now < give_up
          # What runs too long is not waited for again soon.
          return @checked_at = Clock.now + @longest_wait if @inside.positive?

          # Does nothing where another one has done it meanwhile.
          @application.reloader.wrap { nil }
        end
        @checked_at = Clock.now
      end

      def changed?
        began = Clock.now
        @application.reloader.check!
      ensure
        @pause = [(Clock.now - began) * CHECK_SHARE, @check_every].min
      end
    end
  end
end
