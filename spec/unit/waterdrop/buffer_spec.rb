# frozen_string_literal: true

require "support/wait"
require "timeout"
require "waterdrop"

RSpec.describe "a producer's buffer" do
  include Wait

  # Examples before this one may have left some that end by themselves.
  let!(:older_threads) { Thread.list }

  after { @made&.close(0) }

  def producer
    @made = WaterDrop::Producer.new do |config|
      config.client_class = WaterDrop::Clients::Buffered
      config.logger = Logger.new(@log = StringIO.new)
      yield config if block_given?
    end
  end

  # Nobody answers, and there is room for so many.
  def stuck(room)
    producer do |config|
      config.client_class = nil
      config.kafka = { "bootstrap.servers": "127.0.0.1:1", "queue.buffering.max.messages": room, log_level: 0 }
      config.wait_on_queue_full = false
      yield config
    end
  end

  def timers
    (Thread.list - older_threads).select { |thread| thread.name == "waterdrop.buffer" }
  end

  it "sends itself when it has so many messages" do
    made = producer { |config| config.buffer_max_messages = 3 }
    flushed = []
    made.monitor.subscribe("buffer.flushed_async") { |event| flushed << event[:messages].size }
    2.times { made.buffer(topic: "t", payload: nil) }
    expect(made.client.messages.size).to eq(0)
    expect(made.buffer(topic: "t", payload: nil)).to eq([])
    made.buffer_many([{ topic: "t", payload: nil }] * 4)
    expect([flushed, made.client.messages.size, made.messages]).to eq([[3, 4], 7, []])
  end

  it "sends itself when it has so many bytes of payloads, keys and headers" do
    made = producer { |config| config.buffer_max_bytes = 20 }
    made.buffer(topic: "t", payload: "x" * 10, key: "12345")
    expect(made.client.messages.size).to eq(0)
    made.buffer(topic: "t", payload: nil, headers: { "ab" => "c", d: ["e", nil] })
    expect(made.client.messages.size).to eq(2)
    made.buffer(topic: "t", payload: "x" * 19)
    expect(made.messages.size).to eq(1)
  end

  it "sends itself when its oldest message has waited long enough, and starts no thread before" do
    made = producer { |config| config.buffer_max_time = 20 }
    made.produce_sync(topic: "t", payload: nil)
    expect(timers).to eq([])
    2.times do |round|
      made.buffer(topic: "t", payload: "a")
      made.buffer(topic: "t", payload: "b")
      expect(timers.size).to eq(1)
      wait_until("the flush") { made.client.messages.size == 1 + ((round + 1) * 2) }
    end
    made.close
    expect(timers).to eq([])
  end

  it "keeps what a flush of its own could not send, says so, and tries again" do
    made = stuck(2) { |config| config.buffer_max_messages = 3 }
    errors = []
    made.monitor.subscribe("error.occurred") { |event| errors << event if event[:type] == "buffer.flush_async" }
    payloads = ->(list) { list.map { |message| message[:payload] } }
    expect(payloads.call(made.buffer_many(%w[1 2 3 4 5 6].map { |text| { topic: "t", payload: text } }))).to eq(%w[3 4 5 6])
    expect(errors.map { |event| event[:error].code }).to eq([:queue_full])
    # It is full, so a message more is not taken: its caller hears why.
    expect { made.buffer(topic: "t", payload: "7") }.to raise_error(WaterDrop::Errors::ProduceManyError)
    expect(payloads.call(made.messages)).to eq(%w[3 4 5 6])
    expect(made.close(0)).to eq(6)
  end

  it "says in the log what nobody listens to, and tries again in time" do
    made = stuck(1) { |config| config.buffer_max_time = 10 }
    made.buffer_many([{ topic: "t", payload: nil }] * 2)
    wait_until("two attempts") { @log.string.scan("a flush of the buffer failed, its messages stay in the buffer").size >= 2 }
    expect(made.messages.size).to eq(1)
    expect(made.close(0)).to eq(2)
  end

  it "keeps what a Timeout or a Thread#kill has interrupted" do
    made = stuck(2) { |config| config.wait_on_queue_full = true }
    made.buffer_many([{ topic: "t", payload: nil }] * 5)
    expect { Timeout.timeout(0.05) { made.flush_sync } }.to raise_error(Timeout::Error)
    expect(made.messages.size).to eq(5)
    thread = Thread.new { made.flush_async }
    wait_until("the flush to wait") { made.messages.empty? && thread.status == "sleep" }
    thread.kill.join
    expect(made.messages.size).to eq(5)
  end

  it "is sent by a close, and the close waits for a flush that is under way" do
    made = producer { |config| config.buffer_max_time = 5 }
    going = Queue.new
    made.monitor.subscribe("message.acknowledged") { (going << true) && sleep(0.05) }
    made.buffer(topic: "t", payload: nil)
    going.pop
    made.buffer(topic: "t", payload: nil)
    expect([made.close, made.client.messages.size]).to eq([0, 2])
    expect { made.buffer(topic: "t", payload: nil) }.to raise_error(WaterDrop::Errors::ProducerClosedError)
  end

  it "goes on where a subscriber that is told of a flush raises, and closes" do
    made = producer { |config| config.buffer_max_time = 5 }
    made.monitor.subscribe("buffer.flushed_async") { raise NotImplementedError, "a bug" }
    2.times do |round|
      made.buffer(topic: "t", payload: nil)
      wait_until("the log") { @log.string.scan("raised NotImplementedError: a bug").size == round + 1 }
    end
    expect([made.close, made.client.messages.size, made.status.closed?]).to eq([0, 2, true])
  end

  it "is sent by a close that a subscriber of it does not want" do
    made = producer
    %w[producer.closing producer.closed].each { |name| made.monitor.subscribe(name) { raise "a bug" } }
    made.buffer(topic: "t", payload: nil)
    expect([made.close, made.client.messages.size, made.status.closed?]).to eq([0, 1, true])
    expect(@log.string).to include("a subscriber of producer.closing raised RuntimeError: a bug")
  end

  it "keeps what each Hash had when it was buffered" do
    made = producer
    message = { topic: "t", payload: nil }
    %w[1 2 3].each { |payload| made.buffer(message.merge!(payload: payload)) }
    made.flush_sync
    expect(made.client.messages.map { |sent| sent[:payload] }).to eq(%w[1 2 3])
  end

  it "keeps the bytes that each String had when it was buffered" do
    made = producer
    payload, key, value, repeated = Array.new(4) { String.new }
    message = { topic: "t", payload: payload, key: key, partition_key: key, headers: { "h" => value, "r" => [repeated, nil] } }
    %w[1 2].each { |text| [payload, key, value, repeated].each { |string| string.replace(text) } && made.buffer(message) }
    [payload, key, value, repeated].each { |string| string.replace("3") } && made.buffer_many([message])
    [payload, key, value, repeated].each(&:clear)
    expected = %w[1 2 3].map do |text|
      { topic: "t", payload: text, key: text, partition_key: text, headers: { "h" => text, "r" => [text, nil] } }
    end
    expect(made.messages).to eq(expected)
    made.flush_sync
    expect(made.client.messages).to eq(expected)
  end

  it "has in a test what each String had when it was sent" do
    made = producer
    payload = +"1"
    made.produce_sync(topic: "t", payload: payload)
    payload.replace("2")
    expect(made.client.messages).to eq([{ topic: "t", payload: "1" }])
  end

  it "closes without a message that was spoilt after it was buffered, counts it and says so" do
    made = producer { |config| config.buffer_max_bytes = 10_000 }
    made.buffer(topic: "t", payload: "1")
    made.buffer(topic: "t", payload: "spoilt", headers: {})
    made.buffer(topic: "t", payload: "2")
    made.messages[1][:headers]["h"] = 5
    expect { made.flush_sync }.to raise_error(WaterDrop::Errors::MessageInvalidError, /headers/)
    expect([made.close, made.client.messages.map { |sent| sent[:payload] }, made.status.closed?]).to eq([1, %w[1 2], true])
    expect(@log.string).to match(/cannot be sent: message\[:headers\] must have values that are a String/)
  end

  it "is the parent's: a forked child has an empty one, with a timer of its own" do
    # Long enough for the child to be there before.
    made = producer { |config| config.buffer_max_time = 2_000 }
    made.buffer(topic: "t", payload: "the parent's")
    reader, writer = IO.pipe
    pid = fork do
      made.buffer(topic: "t", payload: "the child's")
      Thread.pass until made.client.messages.any?
      writer.write(made.client.messages.map { |message| message[:payload] }.inspect)
      exit!(0)
    end
    Process.wait(pid)
    writer.close
    expect(reader.read).to eq('["the child\'s"]')
    wait_until("the flush") { made.client.messages.map { |message| message[:payload] } == ["the parent's"] }
  end

  it "tells what is in it, and what was purged" do
    made = producer
    seen = []
    %w[message.buffered messages.buffered].each { |name| made.monitor.subscribe(name) { |event| seen << event[:buffer].size } }
    made.monitor.subscribe("buffer.purged") { |event| seen << event[:messages].size }
    made.buffer(topic: "t", payload: nil)
    made.buffer_many([{ topic: "t", payload: nil }] * 2)
    made.purge
    expect([seen, made.messages]).to eq([[1, 3, 3], []])
  end

  it "gives back in order, from many threads at once, everything that was buffered" do
    made = producer { |config| [config.buffer_max_messages = 7, config.buffer_max_time = 1] }
    send = ->(thread) { 200.times { |index| made.buffer(topic: "t", key: thread.to_s, payload: index.to_s) } }
    Array.new(4) { |thread| Thread.new { send.call(thread) } }.each(&:join)
    made.close
    sent = Hash.new { |hash, key| hash[key] = [] }
    made.client.messages.each { |message| sent[message[:key]] << message[:payload].to_i }
    expect(sent.transform_values(&:sort)).to eq((0...4).to_h { |thread| [thread.to_s, (0...200).to_a] })
  end

  describe "with the names of ruby-kafka" do
    it "takes messages and seconds" do
      made = producer do |config|
        config.kafka.delivery_threshold = 10
        config.kafka.delivery_interval = 2
      end
      expect([made.config.buffer_max_messages, made.config.buffer_max_time]).to eq([10, 2_000])
      made = producer { |config| config.kafka = { delivery_threshold: 0, delivery_interval: 0 } }
      expect([made.config.buffer_max_messages, made.config.buffer_max_time]).to eq([nil, nil])
    end

    it "refuses them where consumers are set up" do
      expect { Karafka::App.setup { |config| config.kafka.delivery_threshold = 5 } }
        .to raise_error(Karafka::Errors::InvalidConfigurationError, /settings of a producer.*buffer_max_messages/)
      expect { Karafka::App.routes.draw { consumer_group(:a) { delivery_interval 5 } } }
        .to raise_error(Karafka::Errors::InvalidConfigurationError, /settings of a producer.*buffer_max_time/)
    end

    it "refuses what must be milliseconds, and what they cannot be" do
      expect { producer { |config| config.kafka.delivery_interval = 5_000 } }
        .to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /in seconds.*buffer_max_time/m)
      expect { producer { |config| config.kafka.delivery_threshold = "ten" } }
        .to raise_error(WaterDrop::Errors::ConfigurationInvalidError, /buffer_max_messages is "ten"/)
    end
  end
end
