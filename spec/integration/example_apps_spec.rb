# frozen_string_literal: true

require "spec_helper"
require "json"
require "support/mock_cluster"
require "support/server_process"

RSpec.describe "the example applications" do
  include MockCluster

  let(:examples) { File.expand_path("../../examples", __dir__) }

  after do
    @server&.close
    close_cluster
  end

  def rows(kind)
    @server.output.map { |line| JSON.parse(line) }.select { |row| row["kind"] == kind }
  end

  it "of 2018 runs as it stands" do
    %w[test.page_views test.sign_ups test.mails].each { |topic| broker.create_topic(topic, 1) }
    produce("test.page_views", Array.new(60) { |index| "user#{index},/home,1.5" })
    produce("test.sign_ups", ['{"email":"a@example.org"}', '{"email":"b@example.org"}'], keys: %w[a b])
    @server = ServerProcess.new("#{examples}/app_2018", "KAFKA_HOSTS" => broker.bootstrap_servers).start

    @server.wait_for_output { rows("page_views").size == 50 && rows("mails").size == 2 }
    wait_until("the commit of the first portion") { committed("statistics", "test.page_views") == 50 }
    # What was not decodable stops the partition, and the listener hears of it.
    produce("test.sign_ups", ["not json"])
    failed = -> { rows("errors").find { |row| row["type"] == "consumer.consume.error" } }
    @server.wait_for_output { failed.call }
    @server.signal(:TERM)

    expect(@server.wait).to eq(0)
    expect(rows("page_views").map { |row| row["user"] }).to eq(Array.new(60) { |index| "user#{index}" })
    expect(rows("page_views").map { |row| row["topic"] }.uniq).to eq(["page_views"])
    expect(rows("sign_ups").map { |row| row.slice("email", "key") })
      .to eq([{ "email" => "a@example.org", "key" => "a" }, { "email" => "b@example.org", "key" => "b" }])
    expect(rows("mails").map { |row| row.slice("to", "topic") })
      .to contain_exactly({ "to" => "a@example.org", "topic" => "mails" }, { "to" => "b@example.org", "topic" => "mails" })
    expect(failed.call).to include("message" => %r{payload of sign_ups/0@2})
    expect(rows("stopped").size).to eq(1)
    expect([committed("statistics", "test.page_views"), committed("mails", "test.sign_ups")]).to eq([60, 2])
    expect(@server.log).to include("shop is set up")
  end

  it "of today runs as it stands" do
    %w[orders receipts].each { |topic| broker.create_topic(topic, 1) }
    produce("orders", Array.new(20) { |index| JSON.generate("id" => index, "amount" => 2.5) }, keys: %w[a] * 20)
    @server = ServerProcess.new("#{examples}/app_today", "KAFKA_BROKERS" => broker.bootstrap_servers, "REPORT_EVERY" => "20").start

    @server.wait_for_output { |lines| lines.sum { |line| JSON.parse(line)["count"] } == 20 }
    @server.signal(:TERM)
    expect(@server.wait).to eq(0)
    expect(@server.output.sum { |line| JSON.parse(line)["sum"] }).to eq(50.0)
    expect([committed("shop", "orders"), committed("accounting", "receipts")]).to eq([20, 20])
    expect(@server.log).to match(/Running Karafka .*Stopped Karafka/m)
  end
end
