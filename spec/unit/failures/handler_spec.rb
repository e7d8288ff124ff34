# frozen_string_literal: true

require "support/failing_consumers"

RSpec.describe Karafka::Failures::Handler do
  include_context "with failing consumers"

  it "retries as often as the route says, then sends the message and goes on" do
    (1..4).each { |attempt| fail_with(failing, one(attempt: attempt), &queue) }
    expect(producer.sent.size).to eq(1)
    expect(settled).to eq([:skip_message, 7, true])
    expect(events.map(&:id)).to eq((%w[consumer.consuming.retry] * 3) + %w[dead_letter_queue.dispatched])
    expect(errors).to eq([["consumer.consume.error", ArgumentError]] * 4)
  end

  describe "a message that an operator wants out of the way" do
    after { Karafka::Failures::SkipOrders.clear }

    def order(offset = 7)
      Karafka::Failures::SkipOrders.add(
        Karafka::Failures::SkipOrder.new(group: "app", topic: "orders", partition: 0, offset: offset, reason: "no such currency")
      )
    end

    it "is sent before its consumer sees it, with the reason, and does not count for stop_after" do
      limit = queue(stop_after: { consecutive: 1 }, mark_after_dispatch: false)
      2.times do
        ordered = order
        fail_with(-> { raise "not called" }, one, &limit)
        expect([ordered.result, ordered.target, settled]).to eq([:dead_lettered, "dead", [:skip_message, 7, true]])
      end
      expect(producer.sent.last[:headers]).to include("source_reason" => "operator", "source_error_message" => "no such currency")
      expect([events.map(&:id), errors]).to eq([%w[dead_letter_queue.dispatched] * 2, []])
    end

    it "is skipped, counted and announced where there is no dead letter queue" do
      ordered = order
      before = Karafka::Failures::Counters.to_h[:skipped]
      fail_with(-> { raise "not called" }, one)
      expect([ordered.result, settled, events.map(&:id)]).to eq([:skipped, [:skip_message, 7, true], %w[consumer.consuming.skipped]])
      expect(Karafka::Failures::Counters.to_h[:skipped]).to eq(before + 1)
    end

    it "stays until the dead letter queue has taken it" do
      ordered = order
      producer.failing = WaterDrop::Errors::ProduceError.new("no leader")
      fail_with(failing, one, &queue)
      expect([ordered.result, ordered.trouble.message, settled]).to eq([nil, "no leader", :nack])
      producer.failing = nil
      fail_with(failing, one(attempt: 2), &queue)
      expect(ordered.result).to eq(:dead_lettered)
    end

    it "is left alone where its batch went through" do
      ordered = order(8)
      fail_with(-> {}, one, &queue)
      expect(ordered.result).to be_nil
      fail_with(-> {}, FakeLease.new(["{}"], first_offset: 9), &queue)
      expect([ordered.result, producer.sent]).to eq([:processed, []])
    end
  end

  it "does not retry where max_retries is 0" do
    fail_with(failing, one, &queue(max_retries: 0))
    expect(settled).to eq([:skip_message, 7, true])
  end

  it "sends key, payload and headers as they came, and says where they came from and why" do
    lease = FakeLease.new(["\xFF\x00".b], first_offset: 7, keys: ["\xFE".b], partition: 3, attempt: 2,
                                          headers: [{ "a" => %w[x y], "b" => nil, "source_topic" => "lie" }])
    fail_with(failing, lease, &queue(max_retries: 1))
    dead = producer.sent.first
    expect(dead).to include(topic: "dead", key: "\xFE".b, payload: "\xFF\x00".b, partition_key: "3")
    expect(dead[:headers]).to include(
      "a" => %w[x y], "b" => nil, "source_topic" => "orders", "source_partition" => "3", "source_offset" => "7",
      "source_timestamp" => "1700000000123", "source_consumer_group" => "app", "source_attempts" => "2", "source_reason" => "error",
      "source_error_class" => "ArgumentError", "source_error_message" => "no", "source_failed_at" => /\A\d{4}-\d\d-\d\dT.*Z\z/
    )
  end

  it "sends and marks in one transaction where the producer is transactional, and neither where that fails" do
    here = "127.0.0.1:9092"
    [[here, {}, [8]], [here, { transactional: false }, []], ["elsewhere:9092", {}, []]].each do |servers, how, marks|
      in_transactions(servers: servers)
      lease = one
      done = []
      lease.define_singleton_method(:transaction_committed) { |offset| done << offset }
      fail_with(failing, lease, &queue(max_retries: 0, **how))
      expect([done, @made.client.messages.size, settled]).to eq([marks, 1, [:skip_message, 7, true]])
    end
    in_transactions
    @made.client.define_singleton_method(:transact_offset) { |*| raise WaterDrop::Errors::TransactionError.new("no", kind: :abortable) }
    fail_with(failing, one, &queue(max_retries: 0))
    expect([@made.client.messages, settled, errors.last.first]).to eq([[], :nack, "dead_letter_queue.dispatch.error"])
  end

  it "sends no message in a transaction before those in front of it are processed" do
    [proc { raise Karafka::Reject.new("no", message: messages.last) },
     proc { messages.each { |message| raise "no" if message.offset == 9 } }].each do |body|
      in_transactions
      lease = FakeLease.new(%w[{} {} {}], first_offset: 7)
      fail_with(body, lease, &queue(max_retries: 0))
      expect([@made.client.messages, lease.calls.last]).to eq([[], [:retry, 0, true]])
    end
  end

  it "sends tombstones and messages without a key as such" do
    fail_with(failing, FakeLease.new([nil]), &queue(max_retries: 0))
    expect(producer.sent.first).to include(key: nil, payload: nil)
  end

  it "bounds the text of an error, whatever its bytes are" do
    fail_with(-> { raise "\xFF#{"ä" * 2_000}" }, one, &queue(max_retries: 0))
    text = producer.sent.first[:headers]["source_error_message"]
    expect([text.valid_encoding?, text.bytesize]).to match([true, be <= 1_010])
  end

  it "survives an exception whose message raises" do
    broken = Class.new(StandardError) { def message = raise("twice") }
    stub_const("BrokenError", broken)
    fail_with(-> { raise BrokenError }, one, &queue(max_retries: 0))
    expect(settled).to eq([:skip_message, 7, true])
    expect(producer.sent.map { |dead| dead[:headers]["source_error_message"] }).to eq(["its message cannot be shown (RuntimeError)"])
  end

  it "keeps the message when it cannot be sent, and tries again with a back-off" do
    producer.failing = WaterDrop::Errors::ProduceError.new("no broker")
    fail_with(failing, one(attempt: 9), &queue)
    expect(settled).to eq(:nack)
    expect(errors).to include(["dead_letter_queue.dispatch.error", WaterDrop::Errors::ProduceError])
  end

  it "keeps the message when the broker does not answer" do
    allow(producer).to receive(:wait).and_raise(WaterDrop::Errors::ProduceError, "no answer")
    fail_with(failing, one, &queue(max_retries: 0))
    expect(settled).to eq(:nack)
  end

  it "sends nothing once the partition is lost" do
    lease = one(attempt: 9)
    lease.lost = true
    fail_with(failing, lease, &queue)
    expect([producer.sent, settled]).to eq([[], :nack])
  end

  it "takes a batch apart before anything leaves the partition" do
    batch = -> { FakeLease.new(%w[1 2 3], attempt: 1) }
    fail_with(failing, batch.call, &queue(max_retries: 0))
    expect([producer.sent, settled]).to eq([[], [:retry, 0, true]])
  end

  it "makes the last of several tries the one that is alone" do
    calls = (1..3).map { |attempt| [fail_with(failing, FakeLease.new(%w[1 2 3], attempt: attempt), &queue), settled].last }
    expect(calls).to eq([:nack, :nack, [:retry, nil, true]])
  end

  it "leaves a message alone whose consumer could not be made ready" do
    klass = consumer { nil }
    klass.define_method(:wrap) { |_action| raise "no database" }
    @routes = route(klass, &queue(max_retries: 0))
    @assignment = Karafka::Assignment.new(@routes.topic(0, 0), one)
    fail_with(nil, one)
    expect([producer.sent, settled]).to eq([[], :nack])
  end

  it "counts no attempt that did not get to consume" do
    ready = false
    klass = consumer { raise "bad" }
    klass.define_method(:wrap) { |_action, &block| ready ? block.call : raise("no database") }
    @routes = route(klass, &queue(max_retries: 1))
    @assignment = Karafka::Assignment.new(@routes.topic(0, 0), one)
    calls = (1..5).map { |attempt| [ready = attempt > 3, fail_with(nil, one(attempt: attempt)), settled].last }
    expect([calls[0..3], calls[4].first]).to eq([[:nack] * 4, :skip_message])
  end

  it "guesses no message where the unmarked one is of an earlier batch" do
    lease = one(attempt: 9)
    def lease.unmarked_index = nil
    fail_with(failing, lease, &queue)
    expect([producer.sent, settled]).to eq([[], :nack])
  end

  it "does not mark where offsets are managed by hand, unless it is told to" do
    fail_with(failing, one, &proc { manual_offset_management(true) && dead_letter_queue(topic: "dead", max_retries: 0) })
    expect(settled).to eq([:skip_message, 7, false])
  end

  it "marks with a commit where marking_method says so" do
    lease = one
    fail_with(failing, lease, &queue(max_retries: 0, marking_method: :mark_as_consumed!))
    expect(lease.calls).to eq([:commit_sync, [:skip_message, 7, true]])
    expect(lease.marked).to eq([7])
  end

  it "has sent the message also where the commit after it gets no answer: no second dead letter" do
    lease = one
    lease.define_singleton_method(:commit_sync) { raise Karafka::Errors::TimeoutError, "no answer" }
    fail_with(failing, lease, &queue(max_retries: 0, marking_method: :mark_as_consumed!))
    expect(producer.sent.size).to eq(1)
    expect(settled).to eq([:skip_message, 7, true])
    expect(errors.last).to eq(["connection.client.commit_offsets.error", Karafka::Errors::TimeoutError])
    expect(events.last.id).to eq("dead_letter_queue.dispatched")
  end

  it "reports what fails after a dead letter was sent as what it is, and sends no second one" do
    lease = one
    lease.define_singleton_method(:skip_message) { |*| raise Karafka::Errors::InternalError, "a bug" }
    fail_with(failing, lease, &queue(max_retries: 0))
    expect(producer.sent.size).to eq(1)
    expect(errors.map(&:first)).to eq(%w[consumer.consume.error consumer.failure.error])
  end

  it "skips, counted and evented, where there is no topic" do
    before = Karafka::Failures::Counters.to_h[:skipped]
    fail_with(failing, one, &proc { dead_letter_queue(topic: false, max_retries: 0) })
    expect([producer.sent, settled]).to eq([[], [:skip_message, 7, true]])
    expect(events.last.payload).to include(reason: "error")
    expect(Karafka::Failures::Counters.to_h[:skipped]).to eq(before + 1)
  end

  it "logs what leaves the partition where nobody listens" do
    Karafka.monitor.clear
    Karafka::App.config.logger = Logger.new(log = StringIO.new)
    fail_with(failing, one, &queue(max_retries: 0))
    expect(log.string).to match(%r{WARN.*orders/0@7 went to dead after 1 attempt: ArgumentError: no})
  end

  it "lets the consumer change the dead letter" do
    klass = consumer { raise "no" }
    klass.define_method(:enhance_dlq_message) { |dead, message| dead[:headers]["tenant"] = message.offset.to_s }
    @routes = route(klass, &queue(max_retries: 0))
    fail_with(nil, one)
    expect(producer.sent.first[:headers]["tenant"]).to eq("7")
  end

  it "lets what ends the process through, also out of the handling of a failure" do
    klass = consumer { raise "no" }
    klass.define_method(:enhance_dlq_message) { |*| exit(3) }
    @routes = route(klass, &queue(max_retries: 0))
    expect { fail_with(nil, one) }.to raise_error(SystemExit)
    expect(@lease.settled).to be_empty
  end

  it "uses the producer of the consumer" do
    own = FakeDeadLetters.new
    klass = consumer { raise "no" }
    klass.define_method(:producer) { own }
    @routes = route(klass, &queue(max_retries: 0))
    fail_with(nil, one)
    expect([producer.sent.size, own.sent.size]).to eq([0, 1])
  end

  describe "a dead letter that is too large" do
    # As the broker or librdkafka says it, and as max_payload_size does.
    def refused_by_broker
      raise WaterDrop::Errors::ProduceError, "too large", cause: Karafka::Errors::KafkaError.new("x", code: :msg_size_too_large)
    rescue WaterDrop::Errors::ProduceError => e
      e
    end

    def refused_by_producer = WaterDrop::Errors::MessageInvalidError.new("message[:payload] is 9 bytes", field: :payload)

    # Takes nothing longer than that.
    def limited_to(bytes, failure)
      producer.define_singleton_method(:produce_async) do |message|
        raise failure if message[:payload].to_s.bytesize > bytes

        super(message)
      end
    end

    it "stays, and an error says what can be done" do
      texts = []
      Karafka.monitor.subscribe("error.occurred") { |event| texts << event[:error].message }
      [refused_by_broker, refused_by_producer].each do |failure|
        limited_to(3, failure)
        fail_with(failing, one(attempt: 9), &queue)
        expect([settled, errors.last]).to eq([:nack, ["dead_letter_queue.dispatch.error", Karafka::Errors::DeadLetterTooLargeError]])
        expect(texts.last).to match(%r{orders/0@7 is too large for dead.*max.message.bytes.*too_large: :without_payload})
      end
    end

    it "goes without its payload where it is told to, and says how long that was" do
      [refused_by_broker, refused_by_producer].each do |failure|
        limited_to(3, failure)
        fail_with(failing, one(attempt: 9), &queue(too_large: :without_payload))
        expect(settled).to eq([:skip_message, 7, true])
        expect(producer.sent.last).to include(payload: "")
        expect(producer.sent.last[:headers]).to include("source_payload_bytes" => "8", "source_offset" => "7")
        expect(Karafka::Instrumentation::Announcements.text(events.last.id,
                                                            events.last.payload)).to match(/went to dead without its payload/)
      end
    end

    it "stays where its headers alone are too large" do
      limited_to(-1, refused_by_broker)
      fail_with(failing, one(attempt: 9), &queue(too_large: :without_payload))
      expect([settled, errors.last.last]).to eq([:nack, Karafka::Errors::DeadLetterTooLargeError])
    end

    it "goes past a retry topic that does not take it" do
      limited_to(3, refused_by_broker)
      fail_with(failing, one(attempt: 9), &proc do
        retry_topics(delays: [5])
        dead_letter_queue(topic: "dead", too_large: :without_payload)
      end)
      expect([settled, producer.sent.map { |sent| sent[:topic] }]).to eq([[:skip_message, 7, true], %w[dead]])
    end
  end

  describe "stop_after" do
    it "pauses the partition past so many in a row, and says what to do" do
      limit = queue(max_retries: 0, stop_after: { consecutive: 2 })
      results = (0..2).map { |offset| [fail_with(failing, FakeLease.new(%w[1], first_offset: offset), &limit), settled].last }
      expect(results.map(&:first)).to eq(%i[skip_message skip_message retry])
      expect(settled).to eq([:retry, -1, false])
      expect([errors.last, events.last.id]).to eq([["dead_letter_queue.stopped.error", Karafka::Errors::DeadLetterLimitError],
                                                   "dead_letter_queue.stopped"])
    end

    it "does not count what could not be sent" do
      limit = queue(max_retries: 0, stop_after: { consecutive: 2 })
      producer.failing = WaterDrop::Errors::ProduceError.new("no broker")
      5.times { |attempt| fail_with(failing, one(attempt: attempt + 1), &limit) && expect(settled).to(eq(:nack)) }
      producer.failing = nil
      fail_with(failing, one(attempt: 6), &limit)
      expect(settled).to eq([:skip_message, 7, true])
    end

    it "begins anew after a message that was processed" do
      limit = queue(max_retries: 0, stop_after: { consecutive: 2 })
      flaky = -> { messages.first.offset == 2 ? nil : raise("no") }
      results = (0..4).map { |offset| [fail_with(flaky, FakeLease.new(%w[1], first_offset: offset), &limit), @lease.calls.last].last }
      expect(results.map { |call| Array(call).first }).to eq(%i[skip_message skip_message ack skip_message skip_message])
    end
  end
end
