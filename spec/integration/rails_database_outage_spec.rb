# frozen_string_literal: true

require "spec_helper"
require "support/mock_cluster"
require "support/postgres"
require "support/rails_app"

# A real PostgreSQL under a Rails application: it crashes and comes back.
RSpec.describe "a database that is away for a while" do
  include MockCluster

  before do
    skip RailsApp.missing if RailsApp.missing
    skip Postgres.unavailable if Postgres.unavailable
    require "pg"
    broker.create_topic("orders", 1)
    @postgres = Postgres.new.start
    query("CREATE TABLE orders (id serial PRIMARY KEY, number integer UNIQUE)")
  end

  after do
    @app&.close
    @postgres&.stop
    close_cluster
  end

  def query(text)
    connection = PG.connect(@postgres.url)
    connection.exec(text).values
  ensure
    connection&.close
  end

  def wait_for_numbers(expected, server)
    wait_until("rows #{expected}", seconds: Wait::LONG * 2) { numbers == expected }
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message}, there are #{numbers}\n#{server.log}"
  end

  def numbers = query("SELECT number FROM orders ORDER BY id").flatten.map(&:to_i)

  # What a pod has: more workers than one, and connections in the pool that break.
  def application
    @app = RailsApp.new(broker.bootstrap_servers, setup: "config.concurrency = 2")
    @app.write("config/database.yml", <<~YAML)
      test: { adapter: postgresql, host: "#{@postgres.dir}", username: postgres, database: postgres, pool: 5 }
    YAML
    @app.write("app/models/order.rb", "class Order < ActiveRecord::Base; end\n")
    @app.write("app/consumers/orders_consumer.rb", <<~RUBY)
      class OrdersConsumer < ApplicationConsumer
        def consume
          messages.each { |message| Order.upsert({ number: message.payload }, unique_by: :number) }
        end
      end
    RUBY
    @app.write("config/initializers/log.rb", "Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new)\n")
    @app.server.start
  end

  it "costs retries, no message and no restart", deadline: 300 do
    server = application
    produce("orders", %w[1 2 3])
    wait_for_numbers([1, 2, 3], server)

    @postgres.crash
    produce("orders", %w[4 5])
    server.wait_for_log(/Retrying OrdersConsumer from offset 3 .*attempt 3 failed/)
    @postgres.resume
    wait_for_numbers([1, 2, 3, 4, 5], server)

    server.signal(:TERM)
    expect(server.wait(seconds: Wait::LONG)).to eq(0)
    expect(committed("app", "orders")).to eq(5)
  end
end
