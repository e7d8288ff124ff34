# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # Reads several processes at once, each in a thread of its own, so that one that hangs delays none.
      class Reader
        # @param sources [Array<Source>]
        def initialize(sources)
          @histories = sources.to_h { |source| [source, History.new(source.name)] }
          @lock = Mutex.new
          @threads = []
          @version = 0
        end

        # @return [Integer] grows with each answer, and with each one that does not come
        attr_reader :version

        # Asks each process once, and waits for all of them.
        # @return [Array<Reading>]
        def once
          @histories.keys.map { |source| Thread.new { ask(source) } }.each(&:join)
          readings
        end

        # Asks again and again, until {#stop}.
        # @param seconds [Numeric] between two questions
        # @return [void]
        def start(seconds)
          @threads = @histories.keys.map do |source|
            Thread.new do
              loop do
                ask(source)
                sleep(seconds)
              end
            end
          end
          @threads.each { |thread| thread.report_on_exception = true }
        end

        # @return [void]
        def stop
          @threads.each(&:kill).each(&:join)
        end

        # @return [Array<Reading>] of the processes that anything is known of
        def readings
          now_ms = Clock.now_ms
          @lock.synchronize { @histories.values.filter_map { |history| history.reading(now_ms) } }
        end

        # No longer asks processes that have never answered, where others say that they are not expected.
        # @yieldparam reading [Reading]
        # @yieldreturn [Boolean] whether to forget it
        # @return [void]
        def forget
          readings = self.readings.to_h { |reading| [reading.name, reading] }
          @lock.synchronize { @histories.reject! { |source, _| yield(readings.fetch(source.name)) } }
        end

        private

        def ask(source)
          state = source.read
          note(source, :answered, state, Clock.now_ms)
        rescue Errors::CommandError => e
          note(source, :failed, e)
        end

        def note(source, event, *facts)
          @lock.synchronize do
            @version += 1
            @histories[source]&.public_send(event, *facts)
          end
        end
      end
    end
  end
end
