# frozen_string_literal: true

module Brokers
  # What one process does with messages.
  module Messages
    # @api private
    class Reader < Karafka::BaseConsumer
      SEEN = Queue.new

      def consume
        messages.each { |message| SEEN << message }
      end
    end

    module_function

    # Consumes the topic in this process until the block is content.
    # @yieldparam seen [Array<Karafka::Messages::Message>]
    # @return [Array<Karafka::Messages::Message>]
    def read(ground, topic, kafka: {}, **settings, &enough)
      Reader::SEEN.clear
      seen = []
      set_up(ground, kafka)
      Karafka::App.routes.clear
      Karafka::App.routes.draw do
        topic(topic) do
          consumer Reader
          settings.each { |name, value| public_send(name, value) }
        end
      end
      Karafka::Embedded.start
      ground.wait_until("what #{topic} has") do
        seen << Reader::SEEN.pop until Reader::SEEN.empty?
        enough.call(seen)
      end
      seen
    ensure
      Karafka::Embedded.stop
    end

    def set_up(ground, kafka)
      servers = ground.servers
      group = ground.group
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": servers, **kafka }
        config.group_id = group
        config.logger = Logger.new($stderr, level: Logger::FATAL)
      end
    end

    def produce_and_consume(ground, kafka = {})
      topic = ground.topic
      time = Time.at(1_700_000_000)
      list = Array.new(ground.count) do |index|
        { topic: topic, payload: index.to_s, key: "key-#{index % 50}", timestamp: time + index, headers: { "n" => index.to_s } }
      end
      ground.producing(kafka) { |producer| list.each_slice(500) { |slice| producer.produce_many_sync(slice) } }
      seen = read(ground, topic) { |messages| messages.size >= list.size }
      compare(ground, list, seen)
      "#{seen.size} messages with keys, headers and timestamps, each once and in order"
    end

    def compare(ground, list, seen)
      ground.expect(seen.map(&:raw_payload).sort == list.map { |message| message[:payload] }.sort, "not each message came once")
      seen.each do |message|
        came = { key: message.key, timestamp: message.timestamp, headers: message.headers }
        sent = list[Integer(message.raw_payload)].slice(*came.keys)
        ground.expect(came == sent, "a message came changed: #{came}, sent was #{sent}")
      end
      by_key = seen.group_by(&:key).values.map { |same| same.map { |message| Integer(message.raw_payload) } }
      ground.expect(by_key.all? { |numbers| numbers == numbers.sort }, "messages of a key came out of order")
    end

    def idempotent(ground)
      produce_and_consume(ground, "enable.idempotence": true, "compression.codec": "zstd")
    end

    def transactions(ground)
      topic = ground.topic(partitions: 1)
      ground.producing("transactional.id": "compat-#{SecureRandom.hex(4)}") do |producer|
        10.times do |turn|
          producer.transaction do
            50.times { |index| producer.produce_async(topic: topic, payload: "#{turn.odd? ? "aborted" : "kept"}-#{turn}-#{index}") }
            raise WaterDrop::AbortTransaction if turn.odd?
          end
        end
      end
      seen = read(ground, topic) { |messages| messages.size >= 250 }
      ground.expect(seen.none? { |message| message.raw_payload.start_with?("aborted") }, "a message of an aborted transaction came")
      ground.expect(seen.size == 250, "#{seen.size} messages of 250 came")
      "5 committed, 5 aborted: exactly the committed messages are read"
    end

    # What `exactly_once` marks goes through AddOffsetsToTxn and TxnOffsetCommit.
    def exactly_once(ground)
      from = ground.topic
      to = ground.topic
      ground.producing { |producer| producer.produce_many_sync(Array.new(1_000) { |i| { topic: from, payload: i.to_s } }) }
      seen = through(ground, from, to)
      ground.expect(seen.sort == Array.new(1_000, &:to_s).sort, "#{seen.size} results for 1000 messages, #{seen.uniq.size} different ones")
      "1000 messages consumed, produced and marked in transactions: each result once"
    end

    def through(ground, from, to)
      set_up(ground, {})
      Karafka::App.routes.clear
      Karafka::App.routes.draw do
        topic(from) do
          consumer(Class.new(Karafka::BaseConsumer) do
            define_method(:consume) { messages.each { |message| produce_async(topic: to, payload: message.raw_payload) } }
          end)
          exactly_once true
          max_messages 100
        end
      end
      Karafka::Embedded.start
      ground.wait_until("the offsets are committed") { ground.cluster.committed(Karafka::App.config.group_id).values.sum >= 1_000 }
      Karafka::Embedded.stop
      read(ground, to) { |messages| messages.size >= 1_000 }.map(&:raw_payload)
    end

    # Asks the broker for offsets by time.
    def seek_by_time(ground)
      topic = ground.topic(partitions: 1)
      start = Time.at(1_700_000_000)
      ground.producing do |producer|
        producer.produce_many_sync(Array.new(100) { |i| { topic: topic, payload: i.to_s, timestamp: start + i } })
      end
      seen = read(ground, topic, initial_offset: "earliest", consumer: seeking_to(start + 60)) { |messages| messages.size >= 40 }
      ground.expect(seen.map(&:raw_payload) == (60..99).map(&:to_s), "after a seek to 60 s came #{seen.first&.raw_payload}")
      "seek(Time) begins with the first message of that time"
    end

    def seeking_to(time)
      Class.new(Reader) do
        define_method(:consume) do
          @sought ? super() : seek(time)
          @sought = true
        end
      end
    end

    CHECKS = {
      "produce, consume" => method(:produce_and_consume),
      "idempotent, zstd" => method(:idempotent),
      "transactions" => method(:transactions),
      "exactly_once" => method(:exactly_once),
      "seek by time" => method(:seek_by_time)
    }.freeze
  end
end
