# frozen_string_literal: true

require "timeout"

module Karafka
  # Tokens for brokers that want SASL OAUTHBEARER.
  module Oauth
    # Which listener gets tokens for which clients, and the thread that asks it. Each question runs in a thread of its own: a slow
    # one holds up no other client, and none of them waits for subscribers, reports or the log.
    module Tokens
      EVENT = "oauthbearer.token_refresh"
      ERROR = "oauthbearer.token_refresh.error"
      # librdkafka asks once and waits for the answer, so a listener that hangs would be the last one that was asked. Seconds.
      LIMIT = 60
      WAIT_MS = 1_000
      private_constant :EVENT, :ERROR, :LIMIT, :WAIT_MS

      # The listener that is asked, and where its events go.
      Entry = Struct.new(:number, :listener, :instrument)

      # A listener is kept by its {Listeners}; here it would keep each producer that ever had one.
      @entries = ObjectSpace::WeakMap.new
      @last = 0
      # A trap may send the first message of a producer.
      @lock = Lock.new

      class << self
        # @param listener [#on_oauthbearer_token_refresh]
        # @param instrument [#call] gets the name and the payload of an event
        # @return [Entry] kept by the caller for as long as its clients live
        def register(listener, instrument)
          @lock.synchronize { @entries[@last += 1] = Entry.new(@last, listener, instrument) }
        end

        # From now on clients of this process get their tokens. Doing it twice does nothing.
        # @return [void]
        def start
          @lock.synchronize do
            next if @thread&.alive? && @pid == ::Process.pid

            @pid = ::Process.pid
            @thread = Thread.new { serve }
            @thread.name = "karafka.oauth"
          end
        end

        private

        def serve
          loop do
            Native.oauth_wait(WAIT_MS).each do |client, number, name, config|
              entry = @lock.synchronize { @entries[number] } or next
              Thread.new { ask(entry, Bearer.new(client, name, config)) }.name = "karafka.oauth.token"
            end
          end
        end

        def ask(entry, bearer)
          refresh(entry.listener, bearer)
        rescue Exception => e # rubocop:disable Lint/RescueException -- of the user's; the client has to hear of it
          bearer.oauthbearer_set_token_failure("#{e.class}: #{e.message}")
          entry.instrument.call("error.occurred", { caller: self, error: e, type: ERROR })
        else
          entry.instrument.call(EVENT, { caller: self, bearer: bearer })
        end

        def refresh(listener, bearer)
          Timeout.timeout(LIMIT, Errors::TokenError, "#{listener.class} gave no token within #{LIMIT} seconds") do
            listener.on_oauthbearer_token_refresh(Instrumentation::Event.new(EVENT, { caller: self, bearer: bearer }))
          end
          return if bearer.answered?

          raise Errors::TokenError,
                "#{listener.class} called neither oauthbearer_set_token nor oauthbearer_set_token_failure of event[:bearer]"
        end
      end
    end
  end
end
