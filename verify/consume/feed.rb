# frozen_string_literal: true

require "karafka"

module Consume
  # Produces at a steady rate and knows what a broker has acknowledged.
  class Feed
    KEYS = 200
    TURN_SECONDS = 0.05

    # @return [Hash{Array(String, Integer)=>Array<Integer>}] acknowledged offsets by topic and partition
    attr_reader :delivered
    # @return [Integer] messages that no broker took
    attr_reader :failed

    # @param servers [String]
    # @param topics [Array<String>]
    # @param rate [Integer] messages a second and topic
    # @param random [Random] its own
    def initialize(servers, topics, rate, random)
      @topics = topics
      @rate = rate
      @random = random
      @delivered = Hash.new { |hash, place| hash[place] = [] }
      @failed = 0
      @pending = []
      @sequence = Hash.new(0)
      @producer = WaterDrop::Producer.new do |config|
        config.kafka = { "bootstrap.servers": servers, "enable.idempotence": true, "message.timeout.ms": 120_000 }
        config.logger = Logger.new(File::NULL)
      end
    end

    def start
      @thread = Thread.new { turn until @stopping }
      self
    end

    # Waits for what is under way.
    def stop
      @stopping = true
      @thread.join
      @pending.each { |handle| note(handle, wait: true) }
      @producer.close
    end

    def total = @delivered.sum { |_, offsets| offsets.size }

    private

    def turn
      @topics.each do |topic|
        messages = Array.new([(@rate * TURN_SECONDS).round, 1].max) { message(topic) }
        @pending.concat(@producer.produce_many_async(messages))
      end
      @pending.reject! { |handle| note(handle, wait: false) }
      sleep TURN_SECONDS
    end

    def message(topic)
      key = "k#{@random.rand(KEYS)}"
      { topic: topic, key: key, payload: "#{key}:#{@sequence[[topic, key]] += 1}" }
    end

    def note(handle, wait:)
      handle.wait(max_wait_timeout_ms: 150_000, raise_response_error: false) if wait
      report = handle.report
      return false unless report

      report.error ? @failed += 1 : @delivered[[report.topic, report.partition]] << report.offset
      true
    end
  end
end
