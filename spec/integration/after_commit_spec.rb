# frozen_string_literal: true

require_relative "../spec_helper"
require "active_record"
require "support/optional_gems"

# On real transactions of ActiveRecord, in two databases. The producer keeps what it is given, so that the order of both is seen.
RSpec.describe "produce_after_commit", skip: OptionalGems.missing("sqlite3") do
  before(:all) do
    @directory = Dir.mktmpdir
    stub = Class.new(ActiveRecord::Base) { self.abstract_class = true }
    Object.const_set(:SecondDatabase, stub)
    ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: File.join(@directory, "first.sqlite3"))
    SecondDatabase.establish_connection(adapter: "sqlite3", database: File.join(@directory, "second.sqlite3"))
    [ActiveRecord::Base, SecondDatabase].each do |database|
      database.connection.create_table(:orders) { |table| table.string(:number) }
    end
    Object.const_set(:FirstOrder, Class.new(ActiveRecord::Base) { self.table_name = "orders" })
    Object.const_set(:SecondOrder, Class.new(SecondDatabase) { self.table_name = "orders" })
  end

  after(:all) do
    [ActiveRecord::Base, SecondDatabase].each { |database| database.connection_pool.disconnect! }
    %i[FirstOrder SecondOrder SecondDatabase].each { |name| Object.send(:remove_const, name) }
    FileUtils.rm_rf(@directory)
  end

  let(:producer) do
    WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:9" }
      config.client_class = WaterDrop::Clients::Buffered
      config.max_payload_size = 100
    end
  end

  after { producer.close }

  def sent = producer.client.messages.map { |message| message[:payload] }
  def send_later(payload, through = producer) = through.produce_after_commit(topic: "orders", payload: payload)

  it "sends at once where no transaction is open" do
    expect(send_later("1")).to be_a(WaterDrop::DeliveryHandle)
    expect(sent).to eq(%w[1])
  end

  it "sends once the transaction is committed, in order" do
    FirstOrder.transaction do
      expect(send_later("1")).to be_nil
      expect(producer.produce_many_after_commit([{ topic: "orders", payload: "2" }, { topic: "orders", payload: "3" }])).to be_nil
      expect(sent).to eq([])
    end
    expect(sent).to eq(%w[1 2 3])
  end

  it "sends nothing after a rollback" do
    FirstOrder.transaction do
      send_later("1")
      raise ActiveRecord::Rollback
    end
    expect { FirstOrder.transaction { send_later("2").then { raise "broken" } } }.to raise_error("broken")
    expect(sent).to eq([])
    send_later("3")
    expect(sent).to eq(%w[3])
  end

  it "waits for the outermost transaction, and leaves out what a savepoint took back" do
    FirstOrder.transaction do
      FirstOrder.transaction(requires_new: true) { send_later("kept") }
      FirstOrder.transaction(requires_new: true) do
        send_later("taken back")
        raise ActiveRecord::Rollback
      end
      FirstOrder.transaction { send_later("joined") }
      expect(sent).to eq([])
    end
    expect(sent).to eq(%w[kept joined])
  end

  it "sends nothing where the outer transaction is rolled back after a savepoint was released" do
    FirstOrder.transaction do
      FirstOrder.transaction(requires_new: true) { send_later("1") }
      raise ActiveRecord::Rollback
    end
    expect(sent).to eq([])
  end

  it "waits for the transactions of all databases" do
    FirstOrder.transaction do
      SecondOrder.transaction { send_later("1") }
      expect(sent).to eq([])
    end
    expect(sent).to eq(%w[1])
  end

  it "sends nothing where one of two databases is rolled back" do
    FirstOrder.transaction do
      SecondOrder.transaction { send_later("1") }
      raise ActiveRecord::Rollback
    end
    expect(sent).to eq([])
  end

  it "counts a transaction that cannot be joined as none, such as that of transactional fixtures" do
    ActiveRecord::Base.connection.begin_transaction(joinable: false)
    send_later("1")
    FirstOrder.transaction do
      send_later("2")
      expect(sent).to eq(%w[1])
    end
    expect(sent).to eq(%w[1 2])
  ensure
    ActiveRecord::Base.connection.rollback_transaction
  end

  it "knows only transactions of its own thread" do
    FirstOrder.transaction do
      Thread.new { send_later("1") }.join
      expect(sent).to eq(%w[1])
    end
  end

  it "refuses a wrong message inside of the transaction, so that it is rolled back" do
    expect { FirstOrder.transaction { FirstOrder.create!(number: "1").then { send_later("x" * 101) } } }
      .to raise_error(WaterDrop::Errors::MessageInvalidError)
    expect([FirstOrder.count, sent]).to eq([0, []])
  end

  it "sends what the message was when it was given, once through the middleware" do
    producer.middleware.append(->(message) { message.merge(key: "#{message[:key]}k") })
    payload = +"before"
    FirstOrder.transaction do
      send_later(payload)
      payload.replace("after")
    end
    expect(producer.client.messages.map { |message| message.values_at(:payload, :key) }).to eq([%w[before k]])
  end

  it "raises out of the transaction's block what the sending raises, with the row committed" do
    expect { FirstOrder.transaction { FirstOrder.create!(number: "1").then { send_later("1").then { producer.close } } } }
      .to raise_error(WaterDrop::Errors::ProducerClosedError)
    expect(FirstOrder.count).to eq(1)
  ensure
    FirstOrder.delete_all
  end

  # From Rails 7.2 on that is Rails' own affair.
  unless ActiveRecord.respond_to?(:after_all_transactions_commit)
    it "sends although a model's after_commit raises before" do
      failing = Class.new(FirstOrder) { after_commit { raise "no mail" } }
      expect { FirstOrder.transaction { failing.create!(number: "1").then { send_later("1") } } }.to raise_error("no mail")
      expect([sent, FirstOrder.count]).to eq([%w[1], 1])
    ensure
      FirstOrder.delete_all
    end

    it "sends the others where one cannot be sent, raises for the first and reports the rest" do
      closed = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:9" } }
      errors = []
      closed.monitor.subscribe("error.occurred") { |event| errors << [event[:type], event[:error].class] }
      sending = lambda do
        FirstOrder.transaction do
          2.times { send_later("never", closed) }
          send_later("1")
          closed.close
        end
      end
      expect { sending.call }.to raise_error(WaterDrop::Errors::ProducerClosedError)
      expect([sent, errors]).to eq([%w[1], [["message.produce_after_commit.error", WaterDrop::Errors::ProducerClosedError]]])
    end
  end

  it "works through a variant and a pool" do
    pool = WaterDrop::ConnectionPool.new(size: 1) do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:9" }
      config.client_class = WaterDrop::Clients::Buffered
    end
    FirstOrder.transaction do
      send_later("variant", producer.with(topic_config: { acks: 1 }))
      pool.with { |pooled| send_later("pool", pooled) }
    end
    expect(sent).to eq(%w[variant])
    expect(pool.with { |pooled| pooled.client.messages.size }).to eq(1)
  ensure
    pool.shutdown
  end
end
