# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/command_line"
require_relative "../support/guide"
require_relative "../support/secured_cluster"
require_relative "../support/server_process"

# The rights of docs/security.md, given as the page says, are enough, and nothing works without them.
RSpec.describe "docs/security.md", deadline: 600 do
  include CommandLine
  include Wait

  before(:context) do
    skip(KafkaCluster.unavailable) if KafkaCluster.unavailable
    @secured = SecuredCluster.new("spec-security-page").up
    %w[orders orders_dead receipts].each { |name| @secured.create_topic(name) }
  end

  after(:context) { @secured&.down }

  after { @server&.close }

  def cluster = @secured

  let(:login) do
    { "bootstrap.servers": cluster.address(:sasl_plaintext), "security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN",
      "sasl.username": SecuredCluster::USER, "sasl.password": SecuredCluster::PASSWORD }
  end

  let(:shop) do
    <<~RUBY
      require "karafka"
      class ShopConsumer < Karafka::BaseConsumer
        def consume
          messages.each do |message|
            produce_sync(topic: "receipts", payload: Integer(message.raw_payload).to_s)
            mark_as_consumed(message)
          end
        end
      end
      Karafka::App.setup do |config|
        config.kafka = #{login.inspect}
        config.group_id = "shop"
        config.pause.timeout = 50
      end
      Karafka::App.routes.draw do
        topic(:orders) { consumer(ShopConsumer) && dead_letter_queue(topic: "orders_dead", max_retries: 0) }
      end
    RUBY
  end

  # As the page says, for the user that the cluster has.
  def allow
    Guide.new("docs/security.md", "## Rights").commands.each do |line|
      line = line.sub("kafka-1:9092", cluster.bootstrap_servers).sub("User:shop", "User:#{SecuredCluster::USER}")
      cluster.tool("org.apache.kafka.tools.AclCommand", *line.split.drop(1))
    end
  end

  # @return [Array<String>] what doctor says about rights
  def missing_rights
    File.write(File.join(directory, "karafka.rb"), shop)
    findings = JSON.parse(karafka("doctor", "--json").out).fetch("findings")
    findings.select { |finding| finding["check"] == "rights" }.map { |finding| finding["subject"] }
  end

  def count(topic) = cluster.watermarks(topic).sum { |_, (low, high)| high - low }

  def producer(kafka)
    made = WaterDrop::Producer.new { |config| config.kafka = { **login, **kafka } }
    yield made
  ensure
    made.close
  end

  it "lists what consuming, dead letters, producing and transactions need" do
    expect(missing_rights).to contain_exactly("topic orders", "topic orders_dead", "group shop")
    allow
    expect(missing_rights).to eq([])

    WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": cluster.bootstrap_servers } }.then do |open|
      %w[1 none 2].each { |payload| open.produce_sync(topic: "orders", payload: payload) }
      open.close
    end
    @server = ServerProcess.new(shop).start
    wait_until("receipts and a dead letter", seconds: 180) { [count("receipts"), count("orders_dead")] == [2, 1] }
    @server.signal(:TERM)
    expect([@server.wait, cluster.committed("shop")[["orders", 0]]]).to eq([0, 3])

    producer("enable.idempotence": true) { |made| made.produce_sync(topic: "receipts", payload: "3") }
    producer("transactional.id": "shop-1") { |made| made.transaction { made.produce_async(topic: "receipts", payload: "4") } }
    # The last one is the mark of the commit, which a broker writes after it has answered.
    wait_until("four receipts and a mark", seconds: 60) { count("receipts") == 5 }
  end
end
