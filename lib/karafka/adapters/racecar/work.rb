# frozen_string_literal: true

module Racecar
  # Runs `process` or `process_batch` by racecar's rules: what was sent is delivered before anything counts as done, an error is
  # reported to `on_error`, then the partition pauses and the same comes again.
  class Work
    # The longest that the engine can wait, 24 days.
    FOREVER_MS = Karafka::Setup::Types::MOST
    # These end the process whatever the settings are.
    FATAL = [SystemExit, SignalException, NoMemoryError].freeze
    private_constant :FOREVER_MS, :FATAL

    # @return [Consumer]
    attr_reader :consumer
    # @return [Exception, nil] what ends the process, with `pause_timeout` 0
    attr_reader :failure
    # @return [Boolean] whether it is at a message
    attr_reader :busy
    # @return [Hooks, nil] that are called before the first message of a partition
    attr_accessor :hooks

    # @param consumer [Consumer]
    # @param config [Config]
    # @param instrumenter [Instrumenter]
    # @param probe [LivenessProbe, nil]
    def initialize(consumer, config:, instrumenter:, probe: nil)
      @consumer = consumer
      @config = config
      @instrumenter = instrumenter
      @probe = probe
      @batches = consumer.respond_to?(:process_batch)
      @paused = {}
      @busy = false
    end

    # @return [Boolean] whether the consumer takes batches; it does where it has both methods
    def batches? = @batches

    # @param delegate [Delegate]
    # @param lease [Karafka::Native::Lease]
    # @return [void]
    def batch(delegate, lease)
      messages = Message.all(lease)
      attempt(delegate, lease, "process_batch", :about_batch, messages) do
        @consumer.process_batch(messages)
        @consumer.deliver!
      end
      delegate.mark_as_consumed!(delegate.messages.last) if @config.synchronous_commits
    end

    # @param delegate [Delegate]
    # @param lease [Karafka::Native::Lease]
    # @param params [Karafka::Messages::Message]
    # @return [void]
    def message(delegate, lease, params)
      message = params.karafka_as(Message)
      attempt(delegate, lease, "process_message", :about_message, message) do
        @consumer.process(message)
        @consumer.deliver!
      end
      delegate.mark_as_consumed!(params) if @config.synchronous_commits
    end

    private

    def attempt(delegate, lease, event, about, subject, &)
      @busy = true
      resumed(lease) unless @paused.empty?
      begun(lease, event) unless @lease.equal?(lease)
      @listening ? observed(event, send(about, subject), &) : yield
      @probe&.touch
    rescue *FATAL
      raise
    rescue Exception => e # rubocop:disable Lint/RescueException -- as the engine: whatever it was, the messages come again
      failed(delegate, lease, e, send(about, subject))
    ensure
      @busy = false
    end

    # Once for each batch.
    def begun(lease, event)
      @lease = lease
      hooks&.wait_for(lease.topic, lease.partition)
      @listening = @instrumenter.listening?(event) || @instrumenter.listening?("start_#{event}") || @instrumenter.listening?("main_loop")
    end

    def observed(event, info, &)
      @instrumenter.instrument("start_#{event}", info)
      @instrumenter.instrument("main_loop", {}) { @instrumenter.instrument(event, info, &) }
    end

    # What it sent belongs to an attempt that is over.
    def failed(delegate, lease, error, info)
      discard
      info[:unrecoverable_delivery_error] = error.is_a?(MessageDeliveryError)
      report(error, info)
      return finish(error) if @config.pause_timeout.zero?

      @paused[[lease.topic, lease.partition]] = Karafka::Clock.now
      raise error unless @config.pause_timeout == -1

      Karafka::Instrumentation::Safely.error(error, "consumer.consume.error", caller: delegate)
      raise Karafka::RetryLater.new(error.message, in: FOREVER_MS)
    end

    def discard
      @consumer.deliver!
    rescue MessageDeliveryError => e
      @config.logger.error("#{@consumer.class}: #{e.message}")
    end

    # A handler that fails must not hide why it was called.
    def report(error, info)
      @config.error_handler.call(error, info)
    rescue StandardError => e
      @config.logger.error("the handler of on_error raised #{e.class}: #{e.message} (#{e.backtrace&.first})")
    end

    # The engine ends the process at a SystemExit, and marks nothing.
    def finish(error)
      @failure = error
      raise SystemExit.new(1, "pause_timeout is 0: #{error.class}: #{error.message}")
    end

    def resumed(lease)
      place = [lease.topic, lease.partition]
      since = @paused.delete(place) or return
      @instrumenter.instrument("pause_status", { topic: place.first, partition: place.last, duration: Karafka::Clock.now - since })
    end

    def about_message(message)
      { consumer_class: @consumer.class.to_s, topic: message.topic, partition: message.partition, offset: message.offset,
        create_time: message.create_time, key: message.key, value: message.value, headers: message.headers,
        retries_count: message.retries_count }
    end

    def about_batch(messages)
      first = messages.first
      { consumer_class: @consumer.class.to_s, topic: first.topic, partition: first.partition, first_offset: first.offset,
        last_offset: messages.last.offset, last_create_time: messages.last.create_time, message_count: messages.size,
        retries_count: first.retries_count }
    end
  end
end
