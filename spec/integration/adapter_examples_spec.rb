# frozen_string_literal: true

require "spec_helper"
require "json"
require "support/adapter_application"
require "support/mock_cluster"

RSpec.describe "the example applications of other libraries" do
  include MockCluster

  def example(name)
    AdapterApplication::Application.new({}, "RACECAR_BROKERS" => broker.bootstrap_servers, "KAFKA_BROKERS" => broker.bootstrap_servers)
                                   .tap { |app| FileUtils.cp_r("#{AdapterApplication::ROOT}/examples/#{name}/.", app.dir) }
  end

  after do
    @app&.close
    close_cluster
  end

  it "examples/racecar runs as it stands" do
    %w[user_banned mails].each { |topic| broker.create_topic(topic, 1) }
    produce("user_banned", %w[5 6].map { |id| JSON.generate(user_id: id.to_i) })
    @app = example("racecar").start("racecar", "UserBanConsumer", "--require", "./app/consumers/user_ban_consumer")
    wait_until("the commit") { committed("moderation.user-ban-consumer", "user_banned") == 2 }
    expect(@app.stop).to eq(0), @app.read("stdout")
    expect(@app.read("stdout")).to include("2 users were banned")
    expect(sent_to("mails")).to eq(2)
  end

  it "examples/phobos runs as it stands" do
    %w[orders receipts].each { |topic| broker.create_topic(topic, 1) }
    produce("orders", [1, 2].map { |id| JSON.generate(id: id, amount: 2.5) }, keys: %w[a b])
    @app = example("phobos").start("phobos", "start")
    wait_until("the commit") { committed("shop-orders", "orders") == 2 }
    expect(@app.stop).to eq(0), @app.read("stdout")
    expect(sent_to("receipts")).to eq(2)
  end
end
