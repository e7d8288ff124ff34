# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"
require "support/topic_reader"

# What the random batches are made of.
module RefusedBatches
  THREADS = 3
  PARTITIONS = 2
  LIMIT = 20_000
  # What may be wrong with a message, and what is said of it.
  KINDS = { keyless: :invalid_record, late: :invalid_timestamp, large: :msg_size_too_large }.freeze
  Sent = Struct.new(:id, :kind, :handle)
end

# Random batches with messages that the topic does not take, of several threads, to several partitions.
# `SEED=… rspec spec/kafka/refused_batches_property_spec.rb` repeats one.
RSpec.describe "random batches with messages that the broker refuses" do
  include RealKafka

  before { @seed = Integer(ENV.fetch("SEED", rand(1_000_000))) }

  after { stop_application }

  def made(kafka)
    servers = cluster.bootstrap_servers
    WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": servers, log_level: 0, **kafka }
      config.logger = Logger.new(File::NULL)
    end
  end

  def a_topic
    cluster.create_topic(partitions: RefusedBatches::PARTITIONS,
                         config: { "cleanup.policy" => "compact", "max.message.bytes" => RefusedBatches::LIMIT })
  end

  def message(random, topic, id, kind)
    size = random.rand(10..(random.rand(4).zero? ? 6_000 : 400))
    size = RefusedBatches::LIMIT + random.rand(1..5_000) if kind == :large
    # Hardly to be compressed.
    payload = "#{id} ".b + random.bytes(size)
    { topic: topic, payload: payload, partition: random.rand(RefusedBatches::PARTITIONS) }.tap do |made|
      made[:key] = id unless kind == :keyless
      made[:timestamp] = 4_102_444_800_000 + random.rand(1_000) if kind == :late
    end
  end

  # Calls of one message or of many, in some haste.
  def send_all(sender, topic, thread, random, share)
    number = 0
    calls = Array.new(60) { random.rand(3).zero? ? 1 : random.rand(1..60) }
    calls.flat_map do |size|
      drafts = Array.new(size) do
        kind = RefusedBatches::KINDS.keys.sample(random: random) if random.rand < share
        RefusedBatches::Sent.new("#{thread}-#{number += 1}", kind)
      end
      messages = drafts.map { |sent| message(random, topic, sent.id, sent.kind) }
      handles = size == 1 ? [sender.produce_async(messages.first)] : sender.produce_many_async(messages)
      Thread.pass
      drafts.each_with_index { |sent, index| sent.handle = handles[index] }
    end
  end

  # Those that were stored at once are in order, and those that were sent again are: never three of them in reverse.
  def longest_reverse(numbers)
    tails = []
    numbers.each do |number|
      at = tails.index { |tail| tail <= number } || tails.size
      tails[at] = number
    end
    tails.size
  end

  {
    "a plain producer" => {},
    "an idempotent producer" => { "enable.idempotence": true },
    "one that compresses, a batch after the other" => { "enable.idempotence": true, "compression.codec": "lz4", "max.in.flight": 1 }
  }.each do |name, kafka|
    [0.002, 0.05].each do |share|
      it "#{name}, #{share * 100} %: exactly these fail, all others are stored once, those sent again in their order", deadline: 240 do
        topic = a_topic
        sender = made(kafka)
        threads = Array.new(RefusedBatches::THREADS) do |thread|
          Thread.new { send_all(sender, topic, thread, Random.new(@seed + thread), share) }
        end
        sent = threads.flat_map(&:value)
        wrong = sent.filter_map do |one|
          code = one.handle.wait(max_wait_timeout_ms: 120_000, raise_response_error: false).error&.code
          [one.id, one.kind, code] unless RefusedBatches::KINDS[one.kind] == code
        end
        expect(wrong).to eq([]), "seed #{@seed}: #{wrong.size} with another outcome, such as #{wrong.first(5)}"
        good = sent.reject(&:kind)
        reader = TopicReader.new(cluster.bootstrap_servers, topic)
        rows = reader.wait_for(good.size).map { |row| [row.partition, row.payload.b[/\S+/]] }
        expect(rows.size).to eq(good.size), "seed #{@seed}"
        expect(rows.map(&:last).tally.reject { |_, times| times == 1 }).to eq({}), "seed #{@seed}"
        expect(rows.map(&:last).sort).to eq(good.map(&:id).sort), "seed #{@seed}"
        rows.group_by { |partition, id| [partition, id[/\d+/]] }.each do |place, ids|
          numbers = ids.map { |_, id| id[/\d+\z/].to_i }
          expect(longest_reverse(numbers)).to be <= 2, "seed #{@seed}, partition and thread #{place}: #{numbers}"
        end
      ensure
        reader&.close
        sender&.close
      end
    end
  end
end
