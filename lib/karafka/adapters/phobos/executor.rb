# frozen_string_literal: true

module Phobos
  # Runs all listeners of the configuration, each `max_concurrency` times, in threads, and starts them again when they fail.
  class Executor
    include Instrumentation

    # @return [Array<Listener>]
    attr_reader :listeners

    # @raise [ConfigurationError] a listener cannot work
    def initialize
      @threads = []
      @stopping = false
      # A mistake in there shows now, and not with the first message that is sent.
      KafkaSettings.producer
      @listeners = Array(Phobos.config.listeners).flat_map.with_index(1) do |settings, number|
        build(settings.to_hash.compact)
      rescue ArgumentError => e
        raise ConfigurationError, "listener #{number} of the section listeners (#{settings.handler}): #{e.message}"
      end
    end

    # Does not block.
    # @return [void]
    def start
      @threads = listeners.map { |listener| Thread.new { run(listener) }.tap { |thread| thread.name = "phobos.listener##{listener.id}" } }
    end

    # Blocks until all listeners have stopped.
    # @return [void]
    def stop
      return if @stopping

      @stopping = true
      instrument("executor.stop") do
        listeners.each(&:stop)
        @threads.each { |thread| thread.join unless thread == Thread.current }
      end
      Phobos.logger.info(message: "Executor stopped")
    end

    private

    def build(options)
      handler = handler_of(options.delete(:handler))
      count = concurrency(options.delete(:max_concurrency) || 1)
      options[:backoff] = DeepStruct.new(options[:backoff]) if options[:backoff]
      # Of phobos 1.5 and before.
      in_batches = options.delete(:consume_in_batches)
      options[:delivery] ||= in_batches == false ? "message" : "batch"
      Array.new(count) { Listener.new(handler: handler, **options) }
    end

    def concurrency(value)
      Integer(value.to_s, 10, exception: false) or
        raise ArgumentError, "max_concurrency is #{value.inspect}, but must be a whole number of threads"
    end

    def handler_of(name)
      return name if name.is_a?(Module)

      Object.const_get(name.to_s)
    rescue NameError
      raise ConfigurationError, "Handler '#{name}' not defined. Is its file loaded in phobos_boot.rb?"
    end

    def run(listener)
      retries = 0
      begin
        listener.start
      rescue StandardError => e
        return Phobos.logger.error(message: "Listener crashed while it stopped: #{e.class}: #{e.message}") if @stopping

        wait_after(listener, e, retries)
        retries += 1
        retry unless @stopping
      end
    end

    def wait_after(listener, error, retries)
      wait = listener.create_exponential_backoff.after(retries)
      details = { listener_id: listener.id, retry_count: retries, waiting_time: wait / 1_000.0, exception_class: error.class.name,
                  exception_message: error.message, backtrace: error.backtrace }
      instrument("executor.retry_listener_error", details) do
        Phobos.logger.error(message: "Listener crashed, waiting #{wait} ms", **details.except(:backtrace))
        deadline = Karafka::Clock.now + (wait / 1_000.0)
        sleep 0.05 until @stopping || Karafka::Clock.now >= deadline
      end
    end
  end
end
