# frozen_string_literal: true

module Karafka
  class Admin
    # How a cluster is reached, and the client of one call.
    # @api private
    class Connection
      # Gives clients their tokens.
      TOKENS = Oauth::Listeners.new do |name, payload|
        if name == "error.occurred" then Instrumentation::Safely.error(payload[:error], payload[:type], caller: payload[:caller])
        else
          Instrumentation::Safely.instrument(name, payload)
        end
      end
      LABEL = "Karafka::Admin kafka"
      # Settings that both kinds of clients have.
      SHARED = "*"
      # As the engine has them: see {Engine::Config}.
      READER = { "fetch.queue.backoff.ms" => "10", "fetch.wait.max.ms" => "50", "queued.min.messages" => "50000",
                 "auto.offset.reset" => "earliest" }.freeze
      # Nobody reads them where there is no group, and librdkafka refuses some of them together.
      OF_GROUPS = /\A(group|session|heartbeat|max\.poll|partition\.assignment|coordinator|enable\.auto|auto\.(commit|offset)|offset\.store|
                     enable\.partition|allow\.auto)/x
      private_constant :TOKENS, :LABEL, :SHARED, :READER, :OF_GROUPS

      # The client of one call, and the time that is left for it.
      class Session
        # The questions that `karafka broker` answers rightly.
        BUILT_IN = %i[list_offsets].freeze
        # Seconds after which a question that has no answer says what keeps it from the brokers.
        PATIENCE = 2
        private_constant :BUILT_IN, :PATIENCE

        def initialize(native, limit_ms, kafka)
          @native = native
          @kafka = kafka
          @limit_ms = limit_ms.ceil
          @deadline = Clock.now_ms + limit_ms
        end

        # @param request [Symbol] as `Native::Admin#ask` has them
        # @return [Object] the answer
        # @raise [Errors::KafkaError]
        def ask(request, **arguments)
          refuse_built_in! unless BUILT_IN.include?(request)
          telling { @native.ask({ request.to_s => arguments }, [left_ms, 1].max) }
        rescue Errors::KafkaError => e
          raise e.code == :timed_out ? explained(e) : e
        end

        # @return [Integer]
        def left_ms = (@deadline - Clock.now_ms).ceil

        private

        # A command in a terminal shows why it waits, before the time is over.
        def telling
          teller = Thread.new do
            sleep(PATIENCE)
            cause = trouble
            App.logger.warn("Karafka::Admin has no answer yet, and waits for up to #{@limit_ms} ms: #{cause}") if cause
          end
          yield
        ensure
          teller&.kill&.join
        end

        # It would give no answer, or a wrong one.
        def refuse_built_in!
          servers = @kafka[:"bootstrap.servers"]
          return unless BuiltInBroker.at?(servers)

          raise Errors::KafkaError.new("#{servers} is `karafka broker`, which has no administration. To look up and change topics, " \
                                       "groups, offsets, settings and rights, or to read messages from the command line, use a real " \
                                       "Kafka (unsupported_feature)", code: :unsupported_feature)
        end

        # With what keeps the client from the brokers, and what to do about that, as consumers and producers say it.
        def explained(error)
          cause = trouble or return error

          Errors::KafkaError.new("#{error.message[/\A.*? ms(?=: )/]}: #{cause} (timed_out)", code: :timed_out, retryable: true)
        end

        def trouble
          code, text = @native.trouble(@limit_ms)
          Diagnosis.of(code, text, kafka: @kafka).explain(text) if code
        end
      end

      # @param kafka [Hash{Symbol, String=>Object}] see {Admin#initialize}
      # @param tokens [Object, nil] as `config.oauth.token_provider_listener`, which it replaces
      # @param max_wait_time [Numeric, nil] ms; see {Admin#initialize}
      # @raise [Errors::InvalidConfigurationError]
      def initialize(kafka = {}, tokens: nil, max_wait_time: nil)
        Setup.invalid!(LABEL, kafka, "a Hash") unless kafka.respond_to?(:to_hash)
        unless max_wait_time.nil? || (max_wait_time.is_a?(Numeric) && max_wait_time.positive? && max_wait_time < 2**31)
          Setup.invalid!("max_wait_time", max_wait_time, "a number of milliseconds above 0 and below 2**31")
        end

        @tokens = tokens
        @max_wait_time = max_wait_time
        @given = Setup::KafkaSettings.new(kafka, LABEL)
        Setup::KafkaContract.check!(@given) unless @given.empty?
      end

      # @param kafka [Hash{Symbol, String=>Object}] over those of this one
      # @return [Connection]
      def with(kafka)
        merged = @given.to_h.merge(Setup::KafkaSettings.new(kafka, LABEL).to_h)
        Connection.new(merged, tokens: @tokens, max_wait_time: @max_wait_time)
      end

      # @return [Numeric] ms that a call may take
      def max_wait_time = @max_wait_time || App.config.admin.max_wait_time

      # @return [Object] the answer, on a client of its own
      # @raise [Errors::KafkaError]
      def ask(request, **arguments)
        session { |session| session.ask(request, **arguments) }
      end

      # One client for several questions.
      # @param limit_ms [Numeric] for all of them
      # @yieldparam session [Session]
      def session(limit_ms: max_wait_time)
        native = Native::Admin.new(librdkafka)
        yield Session.new(native, limit_ms, kafka)
      ensure
        # Where the call was interrupted, this ends it.
        native&.close
      end

      # @return [Setup::KafkaSettings] the application's with those that were given
      # @raise [Errors::InvalidConfigurationError] nothing says where Kafka is
      def kafka
        config = App.config
        settings = Setup::KafkaSettings.new(config.kafka.to_h.merge(config.admin.kafka.to_h), LABEL).merge(@given)
        return settings unless settings.brokers.empty?
        raise Errors::InvalidConfigurationError, BootFile.absence if BootFile.failed?

        raise Errors::InvalidConfigurationError,
              "Karafka::Admin does not know where Kafka is: set config.kafka = { \"bootstrap.servers\": \"host:9092\" } in karafka.rb, " \
              "or give Karafka::Admin.new(kafka: { \"bootstrap.servers\": \"host:9092\" })."
      end

      # @return [Boolean] whether what it reads leaves open and aborted transactions out, as librdkafka's default is
      def reads_committed?
        kafka[:"isolation.level"].to_s != "read_uncommitted"
      end

      # @return [Hash{String=>String}] settings of a consumer that belongs to no group
      def consumer
        settings = Setup::KafkaSettings.new(Setup::AttributesMap.consumer(kafka)).to_librdkafka
        finished(READER.merge(settings.reject { |name, _| name.match?(OF_GROUPS) }))
      end

      # @return [Hash{String=>String}] settings of a consumer that is about to join one
      def member
        finished(librdkafka.merge(consumer.slice("isolation.level")))
      end

      private

      def librdkafka
        scopes = Librdkafka.kafka_properties
        finished(kafka.to_librdkafka.select { |name, _| scopes[name] == SHARED })
      end

      def finished(settings)
        settings["client.id"] ||= App.config.client_id
        # It is closed before anybody could read them.
        settings.delete("statistics.interval.ms")
        given = Oauth::Settings.for_engine(settings, @tokens || App.config.oauth.token_provider_listener, TOKENS)
        Oauth::Tokens.start if given.key?("oauth.listener")
        given
      end
    end
    private_constant :Connection
  end
end
