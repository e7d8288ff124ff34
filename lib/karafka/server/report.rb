# frozen_string_literal: true

module Karafka
  module Server
    # The state of a process, for an operator who wants to know why it does not work as expected.
    module Report
      class << self
        # @param runtime [Runtime]
        # @return [String] backtraces of all threads, and the state of the engine
        def threads(runtime)
          threads = Thread.list.map do |thread|
            lines = Text.backtrace(thread)
            lines << "no backtrace" if lines.empty?
            "Thread #{Text.readable(thread.name || thread.inspect)} (#{thread.status || "dead"})\n  #{lines.join("\n  ")}"
          end
          [*threads, "Engine #{state(runtime)}"].join("\n")
        end

        # @param runtime [Runtime]
        # @return [String] what the stop is waiting for
        def blockers(runtime)
          [*leases(runtime), *workers(runtime), *clients(runtime), *stop(runtime)].join("\n")
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
            at = Text.backtrace(worker.thread).first(8)
            ["worker #{worker.index} runs #{worker.current || "nothing"}", *at].join("\n    ")
          end
        end

        def clients(runtime)
          closing = Array(runtime.engine&.state&.fetch(:groups, nil)).select { |group| group[:closing] }
          closing.map { |group| "the client of #{group[:id]} (group #{group[:group_id]}) is #{group[:closing]}" }
        rescue Errors::BaseError
          [] # Its leases have said so.
        end

        def stop(runtime)
          runtime.waits_for && "the stop waits for #{runtime.waits_for}"
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
