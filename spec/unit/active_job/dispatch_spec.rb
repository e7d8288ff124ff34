# frozen_string_literal: true

require "karafka/active_job"
require "globalid"
require "support/application"

RSpec.describe Karafka::ActiveJob::Dispatch do
  include ApplicationHelpers

  # Keeps what it is given, as [method, message].
  let(:producer) do
    Class.new do
      attr_reader :sent

      def initialize = @sent = []
      def produce_async(message) = @sent << [:produce_async, message]
      def produce_sync(message) = @sent << [:produce_sync, message]
      def produce_after_commit(message) = @sent << [:produce_after_commit, message]
      def produce_many_async(messages) = @sent << [:produce_many_async, messages]
      def produce_many_sync(messages) = @sent << [:produce_many_sync, messages]
      def close(*) = nil
    end.new
  end

  let(:job_class) { job("ChargeJob") }

  before do
    allow(ActiveJob::Base).to receive(:logger).and_return(nil)
    setup { |config| config.producer = producer }
  end

  def job(name, base = ActiveJob::Base, &body)
    klass = Class.new(base) do
      self.queue_adapter = :karafka
      def perform(*); end
    end
    klass.class_eval(&body) if body
    stub_const(name, klass)
  end

  def sent = producer.sent.last

  it "sends a job to the topic of its queue, with its id as the key" do
    job_class.queue_as :charges
    enqueued = job_class.perform_later(1, "two", three: :four)
    dispatch, message = sent
    expect([dispatch, message.except(:payload)]).to eq([:produce_async, { topic: "charges", key: enqueued.job_id }])
    expect(JSON.parse(message[:payload])).to include("job_class" => "ChargeJob", "arguments" => enqueued.serialize["arguments"])
  end

  it "does it as the class says, or the one that it inherits from" do
    job_class.karafka_options dispatch_method: :produce_sync, partitioner: ->(job) { job.arguments.first }
    refund = job("RefundJob", job_class) { karafka_options partition_key_type: :partition_key }
    job_class.perform_later("ann")
    expect([sent.first, sent.last[:key]]).to eq([:produce_sync, "ann"])
    refund.perform_later("bob")
    expect([sent.first, sent.last.slice(:key, :partition_key)]).to eq([:produce_sync, { partition_key: "bob" }])
    expect([job_class, refund, ActiveJob::Base].map { |klass| klass.karafka_options[:partition_key_type] }).to eq(%i[key partition_key key])
  end

  it "leaves the key out where the partitioner gives none" do
    job_class.karafka_options partitioner: ->(_) {}
    job_class.perform_later
    expect(sent.last.keys).to eq(%i[topic payload])
  end

  it "refuses options that mean nothing" do
    expect { job_class.karafka_options(partitoner: :id) }
      .to be_refused(/option `ChargeJob karafka_options partitoner`. Did you mean .*partitioner/)
    expect { job_class.karafka_options(dispatch_method: :produce) }.to be_refused(/dispatch_method.*:produce_sync/)
    expect { job_class.karafka_options(partitioner: :id) }.to be_refused(/partitioner.*call/)
  end

  it "names a record by its GlobalID" do
    stub_const("Account", Class.new do
      include GlobalID::Identification
      attr_reader :id

      def initialize(id) = @id = id
      def self.find(id) = new(id)
    end)
    allow(GlobalID).to receive(:app).and_return("shop")
    job_class.perform_later(Account.new("7"))
    expect(JSON.parse(sent.last[:payload])["arguments"]).to eq([{ "_aj_globalid" => "gid://shop/Account/7" }])
  end

  it "sends many in one call for each way of sending" do
    job_class.karafka_options dispatch_many_method: :produce_many_sync
    other = job("OtherJob")
    expect(described_class.many([job_class.new(1), other.new(2), job_class.new(3)])).to eq(3)
    expect(producer.sent.map { |dispatch, messages| [dispatch, messages.size] }).to eq([[:produce_many_sync, 2], [:produce_many_async, 1]])
  end

  it "waits until Kafka has a job that tries again, as the attempt before then counts as processed" do
    tries = job("TriesJob") do
      retry_on(KeyError, wait: 0)
      def perform(*) = raise(KeyError)
    end
    waited = []
    handle = Class.new { define_method(:wait) { waited << true } }.new
    allow(producer).to receive(:produce_async).and_return(handle)
    tries.perform_later
    expect { tries.perform_now }.to change { waited.size }.from(0).to(1)
    allow(handle).to receive(:wait).and_raise(WaterDrop::Errors::ProduceError, "not delivered")
    expect { tries.perform_now }.to raise_error(WaterDrop::Errors::ProduceError, "not delivered")
  end

  it "uses a deserializer of the application" do
    format = Class.new(Karafka::ActiveJob::Deserializer) { def serialize(job) = "1#{super}" }.new
    setup { |config| config.active_job.deserializer = format }
    job_class.perform_later
    expect(sent.last[:payload]).to start_with("1{")
    expect do
      setup do |config|
        config.active_job.deserializer = lambda { |message|
          message
        }
      end
    end.to be_refused(/active_job.deserializer.*serialize/)
  end

  it "says what is missing in a process that is not set up" do
    app.reset!
    expect { job_class.perform_later }.to be_refused(/a job cannot be enqueued: Karafka is not set up/)
  end

  it "has the answers that later versions of Rails ask for" do
    adapter = ActiveJob::QueueAdapters::KarafkaAdapter.new
    expect([adapter.enqueue_after_transaction_commit?, adapter.stopping?]).to eq([true, false])
    allow(app).to receive(:done?).and_return(true)
    expect(adapter.stopping?).to be(true)
  end
end
