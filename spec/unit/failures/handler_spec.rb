# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe Karafka::Failures::Handler do
  include OneTopic

  # Stands in for the application's producer.
  class FakeDeadLetters # rubocop:disable Lint/ConstantDefinitionInBlock
    attr_reader :sent
    attr_accessor :failing

    def initialize = @sent = []

    def produce_async(message)
      @sent << message
      raise failing if failing

      self
    end
    alias produce_sync produce_async

    def wait = self
    def close = nil
  end

  let(:producer) { FakeDeadLetters.new }
  let(:errors) { [] }
  let(:events) { [] }

  before do
    Karafka.monitor.subscribe("error.occurred") { |event| errors << [event[:type], event[:error].class] }
    %w[consumer.consuming.retry consumer.consuming.skipped consumer.consuming.postponed dead_letter_queue.dispatched
       dead_letter_queue.stopped].each { |name| Karafka.monitor.subscribe(name) { |event| events << event } }
    producer = self.producer
    Karafka::App.config.producer = producer
  end

  def consumer(&)
    Class.new(Karafka::BaseConsumer) { define_method(:consume, &) }
  end

  # Gives the lease to a consumer that does that, and what it raises to the handler.
  def fail_with(body, lease, &)
    @routes ||= route(consumer(&body), &)
    @assignment ||= Karafka::Assignment.new(@routes.topic(0, 0), lease)
    @assignment.consume(lease)
    @assignment.settle(lease)
  rescue Exception => e # rubocop:disable Lint/RescueException -- as the worker
    @assignment.failed(lease, e)
  ensure
    @lease = lease
  end

  def queue(**options)
    proc { dead_letter_queue(topic: "dead", **options) }
  end

  def failing = -> { raise ArgumentError, "no" }

  # A producer with a transactional.id, on the cluster that is consumed.
  def in_transactions(servers: "127.0.0.1:9092")
    @routes = @assignment = nil
    Karafka::App.reset!
    Karafka.monitor.subscribe("error.occurred") { |event| errors << [event[:type], event[:error].class] }
    Karafka.monitor.subscribe("dead_letter_queue.dispatched") { |event| events << event }
    Karafka::App.config.producer = @made = WaterDrop::Producer.new do |config|
      config.deliver = false
      config.client_class = WaterDrop::Clients::Buffered
      config.kafka = { "bootstrap.servers": servers, "transactional.id": "spec" }
    end
  end

  def one(**options) = FakeLease.new(['{"id":1}'], first_offset: 7, **options)
  def settled = @lease.settled.last

  it "retries as often as the route says, then sends the message and goes on" do
    (1..4).each { |attempt| fail_with(failing, one(attempt: attempt), &queue) }
    expect(producer.sent.size).to eq(1)
    expect(settled).to eq([:give_up, 7, true])
    expect(events.map(&:id)).to eq((%w[consumer.consuming.retry] * 3) + %w[dead_letter_queue.dispatched])
    expect(errors).to eq([["consumer.consume.error", ArgumentError]] * 4)
  end

  it "does not retry where max_retries is 0" do
    fail_with(failing, one, &queue(max_retries: 0))
    expect(settled).to eq([:give_up, 7, true])
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
      expect([done, @made.client.messages.size, settled]).to eq([marks, 1, [:give_up, 7, true]])
    end
    in_transactions
    @made.client.define_singleton_method(:transact_offset) { |*| raise WaterDrop::Errors::TransactionError.new("no", kind: :abortable) }
    fail_with(failing, one, &queue(max_retries: 0))
    expect([@made.client.messages, settled, errors.last.first]).to eq([[], :nack, "dead_letter_queue.dispatch.error"])
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
    expect(settled).to eq([:give_up, 7, true]).or eq(:nack)
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

  it "guesses no message where the unmarked one is of an earlier batch" do
    lease = one(attempt: 9)
    def lease.unmarked_index = nil
    fail_with(failing, lease, &queue)
    expect([producer.sent, settled]).to eq([[], :nack])
  end

  it "does not mark where offsets are managed by hand, unless it is told to" do
    fail_with(failing, one, &proc { manual_offset_management(true) && dead_letter_queue(topic: "dead", max_retries: 0) })
    expect(settled).to eq([:give_up, 7, false])
  end

  it "marks with a commit where marking_method says so" do
    lease = one
    fail_with(failing, lease, &queue(max_retries: 0, marking_method: :mark_as_consumed!))
    expect(lease.calls).to eq([:commit_sync, [:give_up, 7, true]])
    expect(lease.marked).to eq([7])
  end

  it "skips, counted and evented, where there is no topic" do
    before = Karafka::Failures::Counts.to_h[:skipped]
    fail_with(failing, one, &proc { dead_letter_queue(topic: false, max_retries: 0) })
    expect([producer.sent, settled]).to eq([[], [:give_up, 7, true]])
    expect(events.last.payload).to include(reason: "error")
    expect(Karafka::Failures::Counts.to_h[:skipped]).to eq(before + 1)
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

  describe "typed outcomes" do
    it "Reject sends that message at once, without an error" do
      fail_with(-> { raise Karafka::Reject.new("no customer", message: messages[1]) }, FakeLease.new(%w[1 2 3]), &queue)
      expect(settled).to eq([:give_up, 1, true])
      expect(producer.sent.first[:headers]).to include("source_offset" => "1", "source_reason" => "reject",
                                                       "source_error_message" => "no customer", "source_error_class" => "Karafka::Reject")
      expect(errors).to be_empty
    end

    it "Reject without a message takes the batch apart first" do
      fail_with(-> { raise Karafka::Reject }, FakeLease.new(%w[1 2 3]), &queue)
      expect([producer.sent, settled]).to eq([[], [:retry, 0, true]])
      fail_with(-> { raise Karafka::Reject }, one, &queue)
      expect(settled).to eq([:give_up, 7, true])
    end

    it "Reject without a dead letter queue keeps the message and says what is missing" do
      fail_with(-> { raise Karafka::Reject }, one)
      expect([settled, errors]).to eq([:nack, [["consumer.consume.error", Karafka::Errors::InvalidConfigurationError]]])
    end

    it "Skip marks the message and says so" do
      fail_with(-> { raise Karafka::Skip.new("a test", message: messages.first) }, FakeLease.new(%w[1 2]))
      expect(settled).to eq([:give_up, 0, true])
      expect([events.last.id, events.last[:reason], errors]).to eq(["consumer.consuming.skipped", "skip", []])
    end

    it "RetryLater waits that long, and counts no error" do
      fail_with(-> { raise Karafka::RetryLater.new(in: 250) }, FakeLease.new(%w[1 2]), &queue)
      expect([settled, errors]).to eq([[:retry, 250, false], []])
      expect(events.last.payload).to include(delay: 250, attempt: 1)
    end

    it "RetryLater uses up no retries" do
      later = -> { attempt < 8 ? raise(Karafka::RetryLater.new(in: 5)) : raise("no") }
      (1..10).each { |attempt| fail_with(later, one(attempt: attempt), &queue) }
      expect(producer.sent).to be_empty
      fail_with(later, one(attempt: 11), &queue)
      expect(producer.sent.size).to eq(1)
    end

    it "refuse a message of another partition" do
      other = FakeLease.new(%w[9], partition: 5)
      foreign = Karafka::Messages::Messages.over(other).first
      fail_with(-> { raise Karafka::Skip.new(message: foreign) }, one, &queue)
      expect([settled, errors]).to eq([:nack, [["consumer.consume.error", ArgumentError]]])
    end

    it "refuse a place that is not of this batch" do
      place = ->(offset) { Karafka::Messages::Seek.new("orders", 0, offset) }
      fail_with(-> { raise Karafka::Skip.new(message: place[8]) }, one, &queue)
      expect([settled, errors]).to eq([:nack, [["consumer.consume.error", ArgumentError]]])
      @routes = @assignment = nil
      Karafka::App.routes.clear
      fail_with(-> { raise Karafka::Skip.new(message: place[7]) }, one, &queue)
      expect(settled).to eq([:give_up, 7, true])
    end

    it "refuse what is no message" do
      expect { Karafka::Skip.new(message: 5) }.to raise_error(ArgumentError, /Karafka::Skip takes the message .*, not 5/)
    end

    it "RetryLater needs a time" do
      expect { Karafka::RetryLater.new("x") }.to raise_error(Karafka::Errors::InvalidConfigurationError, /RetryLater in/)
      expect { Karafka::RetryLater.new(in: 0) }.to raise_error(Karafka::Errors::InvalidConfigurationError)
      expect { Karafka::RetryLater.new(on: 5, in: 5) }.to raise_error(ArgumentError, /only in:/)
    end
  end

  describe "deserialization errors" do
    let(:batch) { FakeLease.new(["1", "{no json", "3"], first_offset: 4) }

    def decode = -> { messages.payloads }

    it "are errors as others by default" do
      fail_with(decode, batch, &queue)
      expect([settled, errors.last.first]).to eq([:nack, "consumer.consume.error"])
    end

    it "send exactly that message at once" do
      fail_with(decode, batch, &proc { dead_letter_queue(topic: "dead") && on_deserialization_error(:dead_letter) })
      expect(settled).to eq([:give_up, 5, true])
      expect(producer.sent.first).to include(payload: "{no json")
      expect(producer.sent.first[:headers]).to include("source_reason" => "deserialization",
                                                       "source_error_class" => "Karafka::Errors::DeserializationError")
      expect(errors.last.first).to eq("consumer.deserialization.error")
    end

    it "are about their message also where a wrap meets them, and not where that is of another batch" do
      klass = consumer { nil }
      klass.define_method(:wrap) { |_action, &block| messages.payloads && block.call }
      @routes = route(klass) { dead_letter_queue(topic: "dead") && on_deserialization_error(:dead_letter) }
      fail_with(nil, batch)
      expect(settled).to eq([:give_up, 5, true])
      earlier = @assignment.consumer.messages
      klass.define_method(:wrap) { |_action| earlier.payloads }
      fail_with(nil, FakeLease.new(["1"], first_offset: 7))
      expect(settled).to eq(:nack)
    end

    it "skip exactly that message" do
      fail_with(decode, batch, &proc { on_deserialization_error(:skip) })
      expect([settled, events.last[:reason]]).to eq([[:give_up, 5, true], "deserialization"])
    end
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
        expect(settled).to eq([:give_up, 7, true])
        expect(producer.sent.last).to include(payload: "")
        expect(producer.sent.last[:headers]).to include("source_payload_bytes" => "8", "source_offset" => "7")
        expect(Karafka::Failures::Notice.text(events.last.id, events.last.payload)).to match(/went to dead without its payload/)
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
      expect([settled, producer.sent.map { |sent| sent[:topic] }]).to eq([[:give_up, 7, true], %w[dead]])
    end
  end

  describe "stop_after" do
    it "pauses the partition past so many in a row, and says what to do" do
      limit = queue(max_retries: 0, stop_after: { consecutive: 2 })
      results = (0..2).map { |offset| [fail_with(failing, FakeLease.new(%w[1], first_offset: offset), &limit), settled].last }
      expect(results.map(&:first)).to eq(%i[give_up give_up retry])
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
      expect(settled).to eq([:give_up, 7, true])
    end

    it "begins anew after a message that was processed" do
      limit = queue(max_retries: 0, stop_after: { consecutive: 2 })
      flaky = -> { messages.first.offset == 2 ? nil : raise("no") }
      results = (0..4).map { |offset| [fail_with(flaky, FakeLease.new(%w[1], first_offset: offset), &limit), @lease.calls.last].last }
      expect(results.map { |call| Array(call).first }).to eq(%i[give_up give_up ack give_up give_up])
    end
  end
end
