# frozen_string_literal: true

module ExactlyOnce
  # Reads a topic to its end, what is committed and what is not.
  class Reader
    # By id how often; ids that came after a larger one of their partition; and how many there are with those taken back.
    Seen = Struct.new(:committed, :disorder, :uncommitted)
    # Nothing came for so long: that was all, seconds.
    QUIET = 5

    def initialize(servers, topic, partitions)
      @servers = servers
      @topic = topic
      @last = Array.new(partitions, -1)
      @seen = Seen.new(Hash.new(0), 0, 0)
      @lock = Mutex.new
    end

    # @return [Seen]
    def call
      draw
      Karafka::Embedded.start
      @came = now + 10
      sleep(0.2) until now - @came > QUIET
      Karafka::Embedded.stop
      @seen
    end

    # @param partition [Integer]
    # @param payloads [Array<String>]
    # @return [void]
    def committed(partition, payloads)
      @lock.synchronize do
        @came = [@came, now].max
        payloads.each do |payload|
          id = Integer(payload.delete_prefix("r"))
          @seen.committed[id] += 1
          @seen.disorder += 1 if id <= @last[partition]
          @last[partition] = id
        end
      end
    end

    # @param count [Integer]
    # @return [void]
    def uncommitted(count)
      @lock.synchronize do
        @came = [@came, now].max
        @seen.uncommitted += count
      end
    end

    private

    def draw
      servers = @servers
      name = @topic
      reader = self
      all = Class.new(Karafka::BaseConsumer) { define_method(:consume) { reader.committed(partition, messages.raw_payloads) } }
      raw = Class.new(Karafka::BaseConsumer) { define_method(:consume) { reader.uncommitted(messages.size) } }
      Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": servers } }
      Karafka::App.routes.draw do
        consumer_group("read-#{name}") { topic(name) { consumer(all) } }
        consumer_group("raw-#{name}") { topic(name) { consumer(raw) && kafka("isolation.level": "read_uncommitted", inherit: true) } }
      end
    end

    def now = ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)
  end
end
