# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"
require "json"
require_relative "../support/postgres"
require "support/server_process"

RSpec.describe "examples/saga", deadline: 300 do
  include RealKafka

  let(:app) { File.expand_path("../../examples/saga/karafka.rb", __dir__) }
  let(:orders) { 120 }
  let(:prefix) { "saga-#{SecureRandom.hex(6)}." }

  before do
    reason = Postgres.unavailable
    skip reason if reason
    require "pg"
    @postgres = Postgres.new.start
    %w[orders payments shipments].each { |topic| cluster.create_topic(prefix + topic, partitions: 2) }
  end

  after do
    @server&.close
    @db&.close
    @postgres&.stop
    stop_application
  end

  # The application, which kills itself before or after it has answered for the nth time; never where n is nil.
  def boot(moment, count)
    <<~RUBY
      require #{app.inspect}
      SEEN = Queue.new
      StepConsumer.prepend(Module.new do
        def respond_with(answers)
          SEEN << 1 unless answers.empty?
          fatal = #{count.inspect} && SEEN.size >= #{count.inspect}
          Process.kill(:KILL, Process.pid) && sleep if fatal && #{moment.inspect} == :before
          super
          Process.kill(:KILL, Process.pid) && sleep if fatal && #{moment.inspect} == :after
        end
      end)
      Karafka::App.config.max_messages = 10
    RUBY
  end

  def server(moment = nil, count = nil)
    @server&.close
    @server = ServerProcess.new(boot(moment, count), "KAFKA_BROKERS" => cluster.bootstrap_servers, "DATABASE_URL" => @postgres.url,
                                                     "TOPIC_PREFIX" => prefix, "INSTANCE" => "one").start
  end

  def rows(sql)
    @db ||= PG.connect(@postgres.url)
    @db.exec(sql).to_a.map(&:values)
  end

  # As the rules of the steps say.
  def expected(amount)
    return "cancelled" if amount > 100

    (amount % 7).zero? ? "refunded" : "completed"
  end

  it "brings every order to exactly one final state, though the process is killed between the steps" do
    amounts = Array.new(orders) { |index| 1 + ((index * 13) % 120) }
    producer.produce_many_sync(amounts.each_with_index.map do |amount, index|
      order = { id: "#{index}:placed", order: index.to_s, type: "placed", amount: amount }
      { topic: "#{prefix}orders", key: index.to_s, payload: JSON.generate(order) }
    end)
    # In the database and not sent; sent and not committed to Kafka.
    { before: 3, after: 6 }.each { |moment, count| expect(server(moment, count).wait).to eq(-9) }
    server
    final = "SELECT count(*) FROM orders WHERE state IN ('completed', 'cancelled', 'refunded')"
    wait_until("the final states") { rows(final) == [[orders.to_s]] }
    @server.signal(:TERM)
    expect(@server.wait).to eq(0)

    states = rows("SELECT id, state FROM orders").to_h
    expect(states).to eq(amounts.each_with_index.to_h { |amount, index| [index.to_s, expected(amount)] })
    expect(states.values.tally.keys).to match_array(%w[completed cancelled refunded])
    final_times = rows("SELECT order_id, count(*) FROM transitions WHERE state IN ('completed', 'cancelled', 'refunded') GROUP BY 1")
    expect(final_times.map(&:last).tally).to eq("1" => orders)
    # What is in the till is what the completed orders cost.
    completed = amounts.select { |amount| expected(amount) == "completed" }.sum
    expect(rows("SELECT sum(amount) FROM payments")).to eq([[completed.to_s]])
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message}\n#{@server.log.lines.last(30).join}"
  end
end
