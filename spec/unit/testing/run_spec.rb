# frozen_string_literal: true

require "support/testing_kit"

RSpec.describe Karafka::Testing::Runner do
  include TestingKit

  # Fails for payloads that begin with x.
  def picky(&more)
    klass = consumer_class do
      define_method(:consume) do
        messages.each do |message|
          raise KeyError, "no #{message.raw_payload}" if message.raw_payload.start_with?("x")

          produce_async(topic: "done", payload: message.raw_payload)
        end
      end
    end
    klass.class_eval(&more) if more
    klass
  end

  def consumer_with(*payloads, topic: :orders, **metadata)
    consumer = karafka.consumer_for(topic)
    payloads.each { |payload| karafka.produce_to(consumer, payload, metadata) }
    consumer
  end

  it "marks what was processed" do
    orders(picky)
    consumer = consumer_with("1", "2")
    run = karafka.run(consumer)
    expect([run.batches, run.position, run.clean?, consumer.seek_offset]).to eq([[[0, 1]], 2, true, 2])
    expect(consumer).to have_marked(1)
  end

  it "marks nothing by itself where offsets are managed by hand" do
    orders(picky) { manual_offset_management true }
    consumer = consumer_with("1", "2")
    expect([karafka.run(consumer).batches, karafka.run(consumer).batches]).to eq([[[0, 1]], []])
    expect(consumer).not_to have_marked
  end

  it "waits for no statistics" do
    orders(picky) { inline_insights required: true }
    expect(karafka.run(consumer_with("1")).batches).to eq([[0]])
  end

  it "stops trying an initialized that raises after as many attempts as it is given" do
    orders(picky { def initialized = raise("no database") })
    run = karafka.run(consumer_with("1"), attempts: 3)
    expect([run.batches.size, run.delays, run.waiting]).to eq([3, [1_000, 2_000, 4_000], 4_000])
  end

  it "gives batches of at most max_messages, and goes on with what comes later" do
    orders(picky) { max_messages 2 }
    consumer = consumer_with("1", "2", "3")
    expect(karafka.run(consumer).batches).to eq([[0, 1], [2]])
    karafka.produce_to(consumer, "4")
    expect(karafka.run(consumer).batches).to eq([[3]])
  end

  it "runs the test's consumer where none is given" do
    orders(picky)
    consumer_with("1")
    expect(karafka.run.deliveries).to eq(1)
    expect(karafka).to have_produced(:done)
  end

  it "calls initialized once, before the first batch" do
    klass = picky { def initialized = (@calls = @calls.to_i + 1) }
    orders(klass)
    consumer = consumer_with("1")
    2.times { karafka.run(consumer) }
    expect(consumer.instance_variable_get(:@calls)).to eq(1)
  end

  it "goes around with wrap" do
    klass = picky do
      def wrap(action)
        (@actions ||= []) << action
        yield
      end
    end
    orders(klass)
    consumer = consumer_with("1")
    karafka.run(consumer)
    %i[idle shutdown].each { |kind| karafka.run(consumer, kind) }
    expect(consumer.instance_variable_get(:@actions)).to eq(%i[consume idle shutdown])
  end

  it "calls what else happens to a consumer, and raises what that raises" do
    klass = picky do
      def shutdown = produce_sync(topic: "ended", payload: "1")
      def revoked = raise("not nice")
    end
    orders(klass)
    consumer = consumer_with("1")
    karafka.run(consumer)
    karafka.run(consumer, :shutdown)
    expect(karafka).to have_produced(:ended).once
    expect { karafka.run(consumer, :revoked) }.to raise_error("not nice")
    expect { karafka.run(consumer, :revoke) }.to raise_error(Karafka::Testing::Errors::UsageError, /one of consume, eofed/)
  end

  it "calls it too where the test has called consume by itself" do
    klass = picky do
      def initialized = @before = [:initialized]
      def shutdown = produce_sync(topic: "ended", payload: [*@before, messages&.size].to_json)
    end
    orders(klass)
    consumer = consumer_with
    karafka.run(consumer, :shutdown)
    karafka.produce_to(consumer, "1")
    consumer.consume
    2.times { karafka.run(consumer, :shutdown) }
    ended = karafka.produced_messages.select { |message| message[:topic] == "ended" }
    expect(ended.map { |message| JSON.parse(message[:payload]) }).to eq([["initialized", nil], ["initialized", 1], ["initialized", 1]])
  end

  describe "a failure without a dead letter queue" do
    before { orders(picky { def attempts = (@attempts ||= []) }) }

    it "is raised: a server would try it forever" do
      consumer = consumer_with("1", "x")
      expect { karafka.run(consumer) }.to raise_error(KeyError, "no x")
    end

    it "is repeated as often as the test says, with the pauses of a server" do
      Karafka::App.config.pause.max_timeout = 3_000
      run = karafka.run(consumer_with("x"), attempts: 4)
      expect([run.batches, run.delays, run.waiting, run.errors.map(&:class).uniq])
        .to eq([[[0]] * 4, [1_000, 2_000, 3_000, 3_000], 3_000, [KeyError]])
    end

    it "goes on where it was in the next run" do
      consumer = consumer_with("x")
      karafka.run(consumer, attempts: 1)
      expect(consumer.attempt).to eq(1)
      karafka.run(consumer, attempts: 2)
      expect(consumer.attempt).to eq(2)
    end
  end

  it "begins again at the first message that is not marked" do
    klass = consumer_class do
      def consume
        messages.each do |message|
          raise "two" if message.payload == 2 && attempt == 1

          mark_as_consumed(message)
        end
      end
    end
    orders(klass)
    expect(karafka.run(consumer_with("1", "2", "3"), attempts: 2).batches).to eq([[0, 1, 2], [1, 2]])
  end

  describe "a failure with a dead letter queue" do
    it "finds the message that fails, sends it there, and goes on" do
      orders(picky) { dead_letter_queue topic: "dead", max_retries: 2 }
      consumer = consumer_with("1", "x", "3", key: "k")
      run = karafka.run(consumer)
      expect([run.batches, run.dead_letters.size, run.position]).to eq([[[0, 1, 2], [0, 1, 2], [0], [1], [1], [1], [2]], 1, 3])
      expect(consumer).to have_dead_lettered(1, error: KeyError, reason: :error, key: "k", payload: "x")
      expect(consumer).not_to have_dead_lettered(0)
      expect(karafka).to have_produced(:dead, headers: hash_including("source_offset" => "1", "source_error_message" => "no x")).once
    end

    it "sends the message in hand at once where there are no retries" do
      orders(picky) { dead_letter_queue topic: "dead", max_retries: 0 }
      run = karafka.run(consumer_with("1", "x", "3"))
      expect([run.batches, run.dead_letters.map { |one| one[:payload] }]).to eq([[[0, 1, 2], [0], [2]], ["x"]])
    end

    it "lets the consumer change the dead letter" do
      klass = picky { def enhance_dlq_message(dead, _message) = dead[:payload] = "short" }
      orders(klass) { dead_letter_queue topic: "dead", max_retries: 0 }
      expect(karafka.run(consumer_with("x")).dead_letters.first[:payload]).to eq("short")
    end

    it "raises what keeps it from being sent: a server would try forever" do
      orders(picky { def enhance_dlq_message(*) = raise("no place") }) { dead_letter_queue topic: "dead", max_retries: 0 }
      expect { karafka.run(consumer_with("x")) }.to raise_error("no place")
    end

    it "leaves out what goes nowhere" do
      orders(picky) { dead_letter_queue topic: false, max_retries: 0 }
      run = karafka.run(consumer_with("x", "2"))
      expect([run.skipped, run.position, run.dead_letters]).to eq([[0], 2, []])
    end

    it "stops where stop_after says so" do
      orders(picky) { dead_letter_queue topic: "dead", max_retries: 0, stop_after: { consecutive: 2 } }
      run = karafka.run(consumer_with("x", "x", "x"))
      expect([run.dead_letters.size, run.waiting, run.position]).to eq([2, -1, 2])
    end

    it "keeps copy and mark together where the topic is exactly_once" do
      orders(picky) do
        exactly_once true
        dead_letter_queue topic: "dead", max_retries: 0
      end
      consumer = consumer_with("1", "x")
      expect([karafka.run(consumer).position, karafka.produced_messages.map { |one| one[:topic] }]).to eq([2, %w[orders orders done dead]])
    end
  end

  describe "what a consumer raises instead of an error" do
    def verdicts
      consumer_class do
        define_method(:consume) do
          message = messages.first
          case message.raw_payload
          when "skip" then raise Karafka::Skip.new("a test", message: message)
          when "reject" then raise Karafka::Reject.new("no customer", message: message)
          when "later" then raise Karafka::RetryLater.new("patience", in: 500) if attempt < 3
          end
        end
      end
    end

    before { orders(verdicts) { dead_letter_queue topic: "dead", max_retries: 5 } }

    it "skips" do
      run = karafka.run(consumer_with("skip", "1"))
      expect([run.skipped, run.position, run.errors]).to eq([[0], 2, []])
    end

    it "rejects" do
      consumer = consumer_with("reject")
      expect(karafka.run(consumer).dead_letters.size).to eq(1)
      expect(consumer).to have_dead_lettered(0, reason: :reject)
    end

    it "waits, and goes on in the next run" do
      consumer = consumer_with("later", "1")
      runs = Array.new(3) { karafka.run(consumer) }
      expect(runs.map { |run| [run.waiting, run.position] }).to eq([[500, 0], [500, 0], [nil, 2]])
    end
  end

  it "moves what fails through the stages of retry_topics to the dead letter queue" do
    orders(picky) do
      dead_letter_queue topic: "dead"
      retry_topics delays: [1_000, 5_000]
    end
    stages = [1, 2].map { |stage| karafka.consumer_for("orders.retry.#{stage}") }
    runs = [consumer_with("1", "x"), *stages].map { |consumer| karafka.run(consumer) }
    expect(runs.map { |run| [run.retries.map { |one| one[:topic] }, run.dead_letters.size] })
      .to eq([[["orders.retry.1"], 0], [["orders.retry.2"], 0], [[], 1]])
    expect([stages.map(&:attempt), runs.last.dead_letters.first[:headers]["source_attempts"]]).to eq([[2, 3], "3"])
    expect(stages.last).to have_dead_lettered(error: KeyError)
  end

  it "treats a payload that cannot be decoded as the topic says" do
    orders(consumer_class { def consume = messages.each(&:payload) }) do
      dead_letter_queue topic: "dead"
      on_deserialization_error :dead_letter
    end
    consumer = consumer_with("1", "{", "3")
    karafka.run(consumer)
    expect(consumer).to have_dead_lettered(1, reason: :deserialization)
  end

  it "stops where the consumer pauses, and goes on in the next run" do
    orders(consumer_class { def consume = messages.first.offset.zero? && pause(1, 5_000) })
    consumer = consumer_with("1", "2")
    expect([karafka.run(consumer).waiting, karafka.run(consumer).batches]).to eq([5_000, [[1]]])
  end

  it "goes where the consumer seeks to" do
    klass = consumer_class { def consume = (seek(1) if seek_offset.zero?) }
    orders(klass)
    expect(karafka.run(consumer_with("1", "2", "3")).batches).to eq([[0, 1, 2], [1, 2]])
  end

  it "ends a consumer that seeks in circles" do
    orders(consumer_class { def consume = seek(0) })
    expect { karafka.run(consumer_with("1")) }.to raise_error(Karafka::Testing::Errors::UsageError, /not at its end/)
  end

  it "raises what would end a server" do
    orders(consumer_class { def consume = exit(3) })
    expect { karafka.run(consumer_with("1")) }.to raise_error(SystemExit)
  end

  it "raises what initialized raises" do
    orders(picky { def initialized = raise("no database") }) { dead_letter_queue topic: "dead" }
    expect { karafka.run(consumer_with("1")) }.to raise_error("no database")
  end

  it "runs a consumer of 1.x message by message, with its responder" do
    responder = Class.new(Karafka::BaseResponder) do
      topic :answers
      def respond(data) = respond_to(:answers, data)
    end
    klass = consumer_class { def consume = respond_with("got" => params.payload) }
    orders(klass) do
      batch_consuming false
      responder responder
    end
    karafka.run(consumer_with("1", "2"))
    expect(karafka).to have_produced("answers", payload: { got: 2 }).once
  end

  it "processes partition after partition" do
    klass = consumer_class do
      def consume = messages.each { |one| produce_async(topic: "done", payload: one.raw_payload, key: partition.to_s) }
    end
    orders(klass)
    consumer = consumer_with("1")
    karafka.produce_to(consumer, "2", partition: 3)
    karafka.run(consumer)
    expect(karafka).to have_produced(:done, payload: "2", key: "3")
  end

  it "is in the thread of the test, so that it sees what a transaction of a database has not committed" do
    orders(consumer_class { def consume = Thread.current[:karafka_spec_thread] = Thread.current })
    karafka.run(consumer_with("1"))
    expect(Thread.current[:karafka_spec_thread]).to equal(Thread.current)
  ensure
    Thread.current[:karafka_spec_thread] = nil
  end

  it "gives all keys of a topic with parallel to the one consumer" do
    orders(picky) do
      parallel by: :key, limit: 2
      dead_letter_queue topic: "dead", max_retries: 1
    end
    consumer = karafka.consumer_for(:orders)
    %w[1 x 3].each { |payload| karafka.produce_to(consumer, payload, key: payload) }
    expect(karafka.run(consumer).position).to eq(3)
    expect(consumer).to have_dead_lettered(1)
  end

  it "wants a consumer" do
    orders
    expect { karafka.run }.to raise_error(Karafka::Testing::Errors::ForeignConsumerError, /build one/)
    expect { karafka.run(consumer_with("1"), attempts: 0) }.to raise_error(Karafka::Testing::Errors::UsageError, /attempts is 0/)
  end
end
