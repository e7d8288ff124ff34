# frozen_string_literal: true

require "active_support"
require "active_support/notifications"
require "karafka/compat/ruby-kafka"

RSpec.describe Kafka::Producer do
  # Nothing listens there.
  let(:kafka) { Kafka.new("127.0.0.1:9", client_id: "spec") }

  def native(producer) = producer.instance_variable_get(:@transport).producer.config.kafka

  it "has ruby-kafka's defaults, in librdkafka's units" do
    settings = native(kafka.producer)
    expect(settings.slice(:acks, :"request.timeout.ms", :"message.send.max.retries", :"retry.backoff.ms", :"message.timeout.ms",
                          :partitioner, :"client.id"))
      .to eq(acks: "all", "request.timeout.ms": 5_000, "message.send.max.retries": 2, "retry.backoff.ms": 1_000,
             "message.timeout.ms": 17_000, partitioner: "consistent_random", "client.id": "spec")
  end

  it "takes each of its options" do
    settings = native(kafka.producer(compression_codec: :gzip, required_acks: 1, ack_timeout: 2, max_retries: 4, retry_backoff: 0.5))
    expect(settings.slice(:"compression.codec", :acks, :"request.timeout.ms", :"message.send.max.retries", :"retry.backoff.ms"))
      .to eq("compression.codec": "gzip", acks: "1", "request.timeout.ms": 2_000, "message.send.max.retries": 4, "retry.backoff.ms": 500)
    expect(native(kafka.producer(idempotent: true))[:"enable.idempotence"]).to be(true)
    settings = native(kafka.producer(transactional: true, transactional_id: "tx", transactional_timeout: 30))
    expect(settings.slice(:"transactional.id", :"transaction.timeout.ms")).to eq("transactional.id": "tx", "transaction.timeout.ms": 30_000)
  end

  it "refuses options that cannot work, with what is allowed" do
    expect { kafka.producer(compression_codec: :rar) }.to raise_error(ArgumentError, /compression_codec is "rar", but must be one of gzip/)
    expect { kafka.producer(required_acks: 2) }.to raise_error(ArgumentError, "required_acks is 2, but must be :all, -1, 0 or 1")
    expect { kafka.producer(ack_timeout: "5") }.to raise_error(ArgumentError, /ack_timeout is "5", but must be a number of seconds/)
    expect { kafka.producer(max_retries: nil) }.to raise_error(ArgumentError, /max_retries is nil/)
    expect { kafka.producer(transactional: true) }.to raise_error(ArgumentError, /needs transactional_id/)
    expect { kafka.producer(unknown: 1) }.to raise_error(ArgumentError, /unknown/)
  end

  describe "#produce" do
    it "only collects: buffer_size, buffer_bytesize, clear_buffer" do
      producer = kafka.producer
      producer.produce("1234", topic: :t, key: "ab")
      producer.produce(nil, topic: "t", key: "k")
      expect([producer.buffer_size, producer.buffer_bytesize]).to eq([2, 7])
      producer.clear_buffer
      expect([producer.buffer_size, producer.buffer_bytesize]).to eq([0, 0])
    end

    it "raises BufferOverflow where the buffer is full by messages or by bytes, and names the limit" do
      producer = kafka.producer(max_buffer_size: 1)
      producer.produce("1", topic: "t")
      expect { producer.produce("2", topic: "t") }.to raise_error(Kafka::BufferOverflow, /max_buffer_size 1 message /)
      expect { kafka.producer(max_buffer_bytesize: 10).produce("1234567890", topic: "t") }
        .to raise_error(Kafka::BufferOverflow, /max_buffer_bytesize 10 bytes/)
      expect(producer.buffer_size).to eq(1)
    end

    it "hands each message to the interceptors" do
      changing = lambda { |message|
        Kafka::PendingMessage.new(value: message.value.upcase, key: nil, topic: "other", partition: 1, partition_key: nil,
                                  create_time: message.create_time)
      }
      producer = kafka.producer(interceptors: [changing])
      producer.produce("a", topic: "t")
      message = producer.instance_variable_get(:@buffer).first
      expect([message.value, message.topic, message.partition]).to eq(["A", "other", 1])
    end

    it "forgets in a forked child what the parent sends" do
      producer = kafka.producer
      producer.produce("a", topic: "t")
      reader, writer = IO.pipe
      pid = fork do
        writer.write([producer.tap { |one| one.produce("b", topic: "t") }.buffer_size].inspect)
        writer.close
        exit!(0)
      end
      writer.close
      expect(reader.read).to eq("[1]")
      Process.wait(pid)
      expect(producer.buffer_size).to eq(1)
    end
  end

  it "keeps what could not be delivered, and says why" do
    producer = kafka.producer(max_retries: 0, ack_timeout: 1)
    producer.produce("a", topic: "t", partition: 0)
    expect do
      producer.deliver_messages
    end.to raise_error(Kafka::DeliveryFailed, /1 message to t not delivered, and kept in the buffer/) { |error|
             expect(error.failed_messages.map(&:value)).to eq(["a"])
             expect(error.cause).to be_a(Kafka::ConnectionError)
           }
    expect(producer.buffer_size).to eq(1)
    producer.clear_buffer
    producer.shutdown
  end

  it "keeps back only the message that cannot be sent, and sends the others" do
    producer = kafka.producer
    engine = producer.instance_variable_get(:@transport).producer
    allow(engine).to receive(:produce_many_sync) do |messages|
      wrong = messages.index { |message| message[:topic].include?(" ") }
      raise WaterDrop::Errors::MessageInvalidError.new("no topic", field: :topic, index: wrong) if wrong

      messages.map { instance_double(WaterDrop::DeliveryHandle) }
    end
    ["a", "b c", "d", "e f"].each { |topic| producer.produce("x", topic: topic) }
    expect { producer.deliver_messages }.to raise_error(Kafka::DeliveryFailed, /2 messages to b c, e f .* no topic/) { |error|
      expect(error.failed_messages.map(&:topic)).to eq(["b c", "e f"])
    }
    expect(producer.buffer_size).to eq(2)
  end

  describe "transactions" do
    it "need a transactional producer, and a beginning" do
      expect { kafka.producer.begin_transaction }.to raise_error(Kafka::InvalidTxnStateError, /not transactional/)
      producer = kafka.producer(transactional: true, transactional_id: "spec")
      expect(producer.transactional?).to be(true)
      %i[commit_transaction abort_transaction].each do |step|
        expect { producer.public_send(step) }.to raise_error(Kafka::InvalidTxnStateError, /no transaction is open/)
      end
      expect { producer.send_offsets_to_transaction(batch: nil, group_id: "g") }.to raise_error(Kafka::InvalidTxnStateError)
      expect { producer.produce("x", topic: "t") }.to raise_error(Kafka::InvalidTxnStateError, /call begin_transaction first/)
    end
  end

  describe Kafka::AsyncProducer do
    it "retries forever by default, and collects until it is told" do
      producer = kafka.async_producer
      producer.produce("a", topic: "t")
      expect([native(producer)[:"message.timeout.ms"], producer.buffer_size]).to eq([0, 1])
      expect(producer.instance_variable_get(:@transport).producer.status.to_s).to eq("configured")
    end

    it "raises BufferOverflow where more wait than the queue and the buffer hold" do
      producer = kafka.async_producer(max_queue_size: 2, max_buffer_size: 1)
      3.times { producer.produce("a", topic: "t") }
      seen = []
      subscriber = ActiveSupport::Notifications.subscribe("buffer_overflow.async_producer.kafka") { |*, payload| seen << payload[:topic] }
      expect { producer.produce("a", topic: "t") }.to raise_error(Kafka::BufferOverflow, /3 messages wait/)
      expect(seen).to eq(["t"])
    ensure
      ActiveSupport::Notifications.unsubscribe(subscriber)
    end

    it "refuses options that cannot work" do
      expect { kafka.async_producer(max_queue_size: 0) }.to raise_error(ArgumentError, /max_queue_size is 0/)
      expect { kafka.async_producer(delivery_interval: "1") }.to raise_error(ArgumentError, /delivery_interval/)
      expect { kafka.async_producer(delivery_threshold: nil) }.to raise_error(ArgumentError, /delivery_threshold/)
      expect { kafka.async_producer(transactional: true) }.to raise_error(ArgumentError, /no transactions/)
      expect { kafka.async_producer(nonsense: 1) }.to raise_error(ArgumentError, "unknown keyword: :nonsense")
    end
  end
end
