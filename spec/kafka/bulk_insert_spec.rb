# frozen_string_literal: true

require "json"
require_relative "../spec_helper"
require_relative "../support/kafka_cluster"
require_relative "../support/postgres"
require_relative "../support/server_process"

RSpec.describe "the example that writes to PostgreSQL in bulk", deadline: 300 do
  include Wait

  let(:example_app) { File.expand_path("../../examples/bulk_insert", __dir__) }
  let(:cluster) { KafkaCluster.shared }
  let(:count) { 5_000 }
  let(:group) { "bulk-#{SecureRandom.hex(4)}" }

  before do
    reason = Postgres.unavailable
    skip(reason) if reason
    require "pg"
    @postgres = Postgres.new.start
    @database = PG.connect(@postgres.url)
    @database.exec(File.read("#{example_app}/schema.sql"))
    admin = cluster.admin.metadata(["page_views"])[:topics]["page_views"]
    cluster.delete_topic("page_views") if admin[:error].zero?
    wait_until("the topic") do
      cluster.create_topic("page_views", partitions: 2)
    rescue KafkaWire::Error
      nil # Still being deleted.
    end
  end

  after do
    @servers&.each(&:close)
    @database&.close
    @postgres&.stop
  end

  def server
    env = { "KAFKA_BROKERS" => cluster.bootstrap_servers, "DATABASE_URL" => @postgres.url, "FLUSH_ROWS" => "300",
            "GROUP_ID" => group, "SESSION_TIMEOUT_MS" => "6000" }
    ServerProcess.new(example_app, env).start
                 .tap { |process| (@servers ||= []) << process }
  end

  def rows = Integer(@database.exec("SELECT count(*) FROM page_views").getvalue(0, 0))

  def page_views(range)
    range.map { |index| { topic: "page_views", key: "u#{index}", payload: JSON.generate("user" => "u#{index}", "page" => "/#{index}") } }
  end

  it "writes each row once though a process is killed in the middle, and commits nothing that is not written" do
    producer = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": cluster.bootstrap_servers } }
    producer.produce_many_sync(page_views(0...(count / 2)))
    doomed = server
    doomed.wait_for_output { rows.positive? }
    doomed.signal(:KILL)
    doomed.wait
    written = rows
    committed = cluster.committed(group).select { |(topic, _), _| topic == "page_views" }.sum { |_, offset| [offset, 0].max }
    expect(committed).to be <= written

    survivor = server
    producer.produce_many_sync(page_views((count / 2)...count))
    producer.close
    # The last ones are no full portion; they are written when nothing comes any more.
    survivor.wait_for_output { rows == count }
    survivor.signal(:TERM)

    expect(survivor.wait).to eq(0)
    expect(cluster.committed(group).sum(&:last)).to eq(count)
    expect(Integer(@database.exec("SELECT count(DISTINCT visitor) FROM page_views").getvalue(0, 0))).to eq(count)
  end
end
