# frozen_string_literal: true

module Karafka
  module Server
    # What an operator wants to know of a process that does not do what it should.
    module Report
      class << self
        # @param runtime [Runtime]
        # @return [String] backtraces of all threads, and the state of the engine
        def threads(runtime)
          threads = Thread.list.map do |thread|
            "Thread #{thread.name || thread.inspect} (#{thread.status || "dead"})\n  #{(thread.backtrace || ["no backtrace"]).join("\n  ")}"
          end
          [*threads, "Engine #{state(runtime)}"].join("\n")
        end

        # @param runtime [Runtime]
        # @return [String] what the stop is waiting for
        def blockers(runtime)
          lines = leases(runtime) + workers(runtime)
          lines << "no worker and no batch: the engine is still leaving its groups or committing" if lines.empty?
          lines.join("\n")
        end

        private

        def leases(runtime)
          Array(runtime.engine&.state&.fetch(:leases, nil)).map do |lease|
            "the #{lease[:kind]} batch of #{lease[:topic]}/#{lease[:partition]} is being processed for #{lease[:age_ms]} ms"
          end
        rescue Errors::BaseError => e
          ["the state of the engine cannot be read: #{e.message}"]
        end

        def workers(runtime)
          runtime.workers.reject(&:finished?).map do |worker|
            at = worker.thread&.backtrace&.first(8)&.join("\n    ")
            "worker #{worker.index} runs #{worker.current || "nothing"}#{"\n    #{at}" if at}"
          end
        end

        def state(runtime)
          runtime.engine&.state.inspect
        rescue Errors::BaseError => e
          "cannot be asked: #{e.message}"
        end
      end
    end
  end
end
