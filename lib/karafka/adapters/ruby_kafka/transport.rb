# frozen_string_literal: true

module Kafka
  # The engine's producer below one of ruby-kafka's. It starts with the first message, and anew in a forked child.
  # @api private
  class Transport
    # A producer that never gives up has no such time; its close waits for this long. Seconds.
    PATIENCE = 30
    CODECS = %w[gzip snappy lz4 zstd].freeze
    ACKS = { "all" => "all", "-1" => "all", "0" => "0", "1" => "1" }.freeze
    private_constant :PATIENCE, :CODECS, :ACKS

    # @return [Settings]
    attr_reader :settings

    # @param settings [Settings]
    # @param required_acks [Symbol, Integer]
    # @param ack_timeout [Numeric] seconds
    # @param max_retries [Integer] below 0: forever
    # @param retry_backoff [Numeric] seconds
    # @param linger_ms [Integer] how long librdkafka waits for more to send
    # @param more [Hash{String=>Object}] settings of librdkafka
    # @yieldparam producer [WaterDrop::Producer] each one, before its first message
    # @raise [ArgumentError]
    def initialize(settings, required_acks:, ack_timeout:, max_retries:, retry_backoff:, compression_codec:, linger_ms: 0, **more, &prepare)
      @settings = settings
      @required_acks = ACKS.fetch(required_acks.to_s) do
        raise ArgumentError, "required_acks is #{required_acks.inspect}, but must be :all, -1, 0 or 1"
      end
      @ack_timeout_ms = milliseconds(:ack_timeout, ack_timeout)
      @retry_backoff_ms = milliseconds(:retry_backoff, retry_backoff)
      raise ArgumentError, "max_retries is #{max_retries.inspect}, but must be an Integer" unless max_retries.is_a?(Integer)

      @max_retries = max_retries
      @linger_ms = linger_ms
      codec = compression_codec&.to_s
      unless codec.nil? || CODECS.include?(codec)
        raise ArgumentError, "compression_codec is #{codec.inspect}, but must be one of #{CODECS.join(", ")}"
      end

      @codec = codec
      @more = more
      @prepare = prepare
      @lock = Mutex.new
      producer
    end

    # @return [WaterDrop::Producer] after {#close} a new one: ruby-kafka's connect again, too
    # @raise [ArgumentError]
    def producer
      @producer || @lock.synchronize { @producer ||= ErrorNames.translated { build(@codec, @more) }.tap { |made| @prepare&.call(made) } }
    end

    # Sends them all and waits for the answers. One that cannot be sent, as its topic is no name, keeps back only itself.
    # @param pending [Array<PendingMessage>]
    # @yieldparam message [PendingMessage] confirmed
    # @yieldparam report [WaterDrop::DeliveryReport]
    # @return [Array(Array<PendingMessage>, Exception)] what failed, and why
    def deliver(pending, &)
      sendable = pending.dup
      wrong = []
      mistake = nil
      loop do
        failed, error = attempt(sendable, &)
        return failures(pending, wrong + failed, mistake || error) unless error.is_a?(WaterDrop::Errors::MessageInvalidError)

        # Nothing was sent.
        mistake ||= error
        wrong << sendable.delete_at(error.index)
      end
    end

    # @param pending [Array<PendingMessage>]
    # @return [Array<Hash>] as the engine takes them
    def prepared(pending)
      chooser = settings.partitioner
      return pending.map(&:to_engine) if chooser.is_a?(Partitioner)

      counts = Hash.new { |found, topic| found[topic] = producer.partition_count(topic) }
      pending.map { |message| message.to_engine(message.partition || chooser.call(counts[message.topic], message)) }
    end

    # @return [Integer] messages that were not delivered
    def close
      patience_ms = PATIENCE * 1_000 if @max_retries.negative?
      @lock.synchronize { @producer.tap { @producer = nil } }&.close(patience_ms).to_i
    end

    private

    # In the order in which they were collected.
    def failures(pending, failed, error)
      failed = Set.new.compare_by_identity.merge(failed)
      [pending.select { |message| failed.include?(message) }, error]
    end

    def attempt(pending, &)
      return [[], nil] if pending.empty?

      handles = producer.produce_many_sync(prepared(pending))
      each_confirmed(pending, handles, &) if block_given?
      [[], nil]
    rescue WaterDrop::Errors::ProduceManyError => e
      failed, confirmed = pending.each_with_index.partition { |_, index| failed?(e.dispatched[index]) }
      confirmed.each { |message, index| yield(message, e.dispatched[index].report) } if block_given?
      [failed.map(&:first), e]
    rescue WaterDrop::Errors::BaseError, Karafka::Errors::BaseError => e
      [pending, e]
    end

    def milliseconds(name, value)
      raise ArgumentError, "#{name} is #{value.inspect}, but must be a number of seconds" unless value.is_a?(Numeric) && !value.negative?

      (value * 1_000).round
    end

    def build(codec, more)
      kafka = @settings.with(delivery.merge("compression.codec" => codec, "linger.ms" => @linger_ms, **more))
      chooser = @settings.partitioner
      kafka[:partitioner] = chooser.is_a?(Partitioner) ? chooser.librdkafka : "consistent_random"
      WaterDrop::Producer.new do |config|
        config.kafka = kafka
        config.logger = @settings.logger
        config.max_payload_size = Karafka::Adapters::Outgoing::LARGEST_BYTES
        config.oauth.token_provider_listener = @settings.tokens
        # Longer than librdkafka tries, so each message has got its answer by then.
        config.max_wait_timeout = more[:"transaction.timeout.ms"] || patience_ms
      end
    end

    def delivery
      {
        "acks" => @required_acks, "request.timeout.ms" => [@ack_timeout_ms, 1].max, "retry.backoff.ms" => [@retry_backoff_ms, 1].max,
        "retry.backoff.max.ms" => [@retry_backoff_ms, 1_000].max,
        "message.send.max.retries" => (@max_retries unless @max_retries.negative?), "message.timeout.ms" => message_timeout_ms,
        # A batch that is sent again must not come behind the next one.
        "max.in.flight.requests.per.connection" => 1, "message.max.bytes" => Karafka::Adapters::Outgoing::LARGEST_BYTES
      }
    end

    def patience_ms = message_timeout_ms.zero? ? PATIENCE * 1_000 : message_timeout_ms + 5_000

    # Forever is 0 for librdkafka.
    def message_timeout_ms
      return 0 if @max_retries.negative?

      [((@max_retries + 1) * @ack_timeout_ms) + (@max_retries * @retry_backoff_ms), 1_000].max
    end

    def failed?(handle)
      report = handle&.report
      report.nil? || !report.error.nil?
    end

    def each_confirmed(pending, handles)
      pending.each_with_index { |message, index| yield(message, handles[index].report) }
    end
  end
end
