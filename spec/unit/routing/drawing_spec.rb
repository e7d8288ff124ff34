# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::Routing::Builder do
  include ApplicationHelpers

  let!(:orders) { consumer_class }
  let!(:audit) { consumer_class("AuditConsumer") }

  before { setup }

  it "puts topics without a group into config.group_id" do
    topic(:orders)
    expect(app.routes.map(&:name)).to eq(["app"])
    expect(app.routes.topics.map { |topic| [topic.name, topic.consumer, topic.id] }).to eq([["orders", OrdersConsumer, "app_orders"]])
  end

  it "draws the routes of the documentation, up to what is not supported yet" do
    app.routes.draw do
      topic(:orders) { consumer OrdersConsumer }
      consumer_group :billing do
        subscription_group :payments, max_messages: 500 do
          topic :payments do
            consumer OrdersConsumer
            deserializers payload: ->(message) { message }
            manual_offset_management true
          end
        end
        topic(/\Aaudit\./) { consumer AuditConsumer }
      end
      defaults { max_messages 250 }
    end

    billing = app.routes.find { |group| group.id == "billing" }
    expect(app.routes.topics.to_h do |topic|
             [topic.name, topic.max_messages]
           end).to eq("orders" => 250, "payments" => 500, "^audit\\." => 250)
    expect(billing.subscription_groups.map { |group| [group.id, group.name, group.topics.map(&:name)] })
      .to eq([["billing_0", "payments", ["payments"]], ["billing_1", nil, ["^audit\\."]]])
    expect(billing.topics.first).to be_manual_offset_management
  end

  it "adds to what was drawn before, and opens a group again" do
    app.routes.draw { consumer_group(:a) { topic(:x) { consumer OrdersConsumer } } }
    app.consumer_groups.draw { consumer_group("a") { topic(:y) { consumer OrdersConsumer } } }
    app.routes.draw { consumer_group(:b) { topic(:x) { consumer OrdersConsumer } } }
    expect(app.routes.to_h { |group| [group.name, group.topics.map(&:name)] }).to eq("a" => %w[x y], "b" => %w[x])
    expect(app.routes.first.subscription_groups.size).to eq(1)
  end

  it "draws nothing of a block that is refused, or raises, so that it can be corrected and drawn again" do
    app.routes.draw { consumer_group(:a) { topic(:x) { consumer OrdersConsumer } } }
    kept = app.routes.topics.first
    drawn = proc do |wrong|
      app.routes.draw do
        consumer_group(:a) { topic(:y) { consumer OrdersConsumer } }
        consumer_group(:b) { topic(:z) { consumer(OrdersConsumer) && dead_letter_queue(topic: wrong ? "z" : "dead") } }
      end
    end
    expect { drawn.call(true) }.to be_refused(/topic z dead_letter_queue topic is the topic itself/)
    expect { app.routes.draw { topic(:w) { consumer OrdersConsumer } && raise("no") } }.to raise_error("no")
    expect(catch(:left) { app.routes.draw { topic(:w) { consumer OrdersConsumer } && throw(:left, 1) } }).to eq(1)
    expect(app.routes.to_h { |group| [group.name, group.topics.to_a] }).to eq("a" => [kept])
    drawn.call(false)
    app.routes.reload
    expect(app.routes.topics.map(&:name)).to eq(%w[x y z])
  end

  it "applies defaults whenever they are drawn" do
    topic(:orders)
    app.routes.draw { defaults { max_bytes 10 } }
    expect(app.routes.topics.first.max_bytes).to eq(10)
  end

  it "gives topics different clients where their kafka settings or initial offsets differ" do
    klass = orders
    app.routes.draw do
      topic(:a) { consumer klass }
      topic(:b) { consumer klass; initial_offset "latest" } # rubocop:disable Style/Semicolon
      topic(:c) { consumer klass; kafka("session.timeout.ms": 9_000, inherit: true) } # rubocop:disable Style/Semicolon
      topic(:d) { consumer klass; max_messages 1 } # rubocop:disable Style/Semicolon
      topic(:e) { consumer klass; initial_offset "latest" } # rubocop:disable Style/Semicolon
    end
    groups = app.subscription_groups.values.flatten
    expect(groups.map { |group| [group.id, group.topics.map(&:name)] }).to eq([["app_0", %w[a d]], ["app_1", %w[b e]], ["app_2", %w[c]]])
    expect(app.routes.topics.map { |topic| topic.subscription_group.id }).to eq(%w[app_0 app_1 app_2 app_0 app_1])
  end

  it "keeps subscription groups apart, also without names" do
    klass = orders
    app.routes.draw do
      subscription_group { topic(:a) { consumer klass } }
      subscription_group(:x) { topic(:b) { consumer klass } }
      subscription_group { topic(:c) { consumer klass } }
      subscription_group(:x) { topic(:d) { consumer klass } }
    end
    expect(app.routes.subscription_groups.map { |group| group.topics.map(&:name) }).to eq([%w[a], %w[b d], %w[c]])
  end

  describe "settings" do
    it "of each layer go before those above it" do
      app.config.max_messages = 5
      values = 0.upto(4).map do |depth|
        app.routes.clear
        klass = orders
        app.routes.draw do
          defaults { max_messages 4 } if depth > 0
          consumer_group(:g) do
            max_messages 3 if depth > 1
            subscription_group(:s, **(depth > 2 ? { max_messages: 2 } : {})) do
              topic(:t) do
                consumer klass
                max_messages 1 if depth > 3
              end
            end
          end
        end
        app.routes.topics.first.max_messages
      end
      expect(values).to eq([5, 4, 3, 2, 1])
    end

    it "can be nil-safe booleans: false goes before true from above" do
      app.routes.draw { defaults { consumer_persistence true } }
      expect(topic { consumer_persistence false }.consumer_persistence).to be(false)
    end

    it "of kafka replace the application's, or add to them with inherit" do
      setup("client.id": "shop")
      replaced = topic(:a) { kafka("bootstrap.servers": "b:1") }
      added = topic(:b) { kafka({ "session.timeout.ms": 9_000, inherit: true }) }
      expect(replaced.kafka).to eq("bootstrap.servers": "b:1")
      expect(added.kafka).to eq("bootstrap.servers": "127.0.0.1:9092", "client.id": "shop", "session.timeout.ms": 9_000)
    end

    it "of kafka do not wipe out one another" do
      setup
      drawn = topic do
        max_bytes_per_partition 9
        kafka("session.timeout.ms": 9_000, inherit: true)
      end
      expect(drawn.kafka).to include("max.partition.fetch.bytes": 9, "session.timeout.ms": 9_000)
    end

    it "of deserializers can be made one by one" do
      payload = ->(message) { message }
      made = topic { deserializers payload: payload }.deserializers
      expect(made).to have_attributes(
        payload: payload, key: be_a(Karafka::Deserializers::Key), headers: be_a(Karafka::Deserializers::Headers)
      )
    end

    it "default to JSON payloads" do
      expect(topic.deserializers.payload).to be_a(Karafka::Deserializers::Payload)
    end

    it "declare how a topic is to be created" do
      declared = topic { config(partitions: 4, replication_factor: 2, "retention.ms": 5) }.config
      expect(declared.to_h).to eq(active: true, partitions: 4, replication_factor: 2, details: { "retention.ms": 5 })
      expect(topic(:other).config).not_to be_active
    end
  end

  it "leaves inactive topics and groups out" do
    topic(:a) { active false }
    expect([app.routes.first.active?, app.subscription_groups]).to eq([false, {}])
    topic(:b)
    expect(app.subscription_groups.values.flatten.flat_map(&:active_topics).map(&:name)).to eq(["b"])
  end

  it "looks a consumer up again by its name where instances do not persist" do
    drawn = topic { consumer_persistence false }
    kept = topic(:kept)
    reloaded = consumer_class
    expect(drawn.consumer).to be(reloaded)
    expect(kept.consumer).not_to be(reloaded)
  end

  it "maps names with the mappers of 1.x" do
    prefix = Class.new do
      def incoming(topic) = topic.delete_prefix("eu.")
      def outgoing(topic) = "eu.#{topic}"
    end
    app.config.topic_mapper = prefix.new
    app.config.consumer_mapper = ->(name) { "shop_#{name}" }
    drawn = topic(:orders)
    expect(drawn).to have_attributes(name: "orders", subscription_name: "eu.orders")
    expect(drawn.consumer_group).to have_attributes(name: "app", id: "shop_app")
    expect([drawn.matches?("eu.orders"), drawn.matches?("orders")]).to eq([true, false])
  end

  it "answers what Karafka 2.x answers of a topic and of what consumes it" do
    app.config.client_id = "shop"
    app.routes.draw do
      consumer_group :billing do
        subscription_group :payments, max_messages: 500 do
          topic(:payments) { consumer OrdersConsumer }
          topic :refunds do
            consumer OrdersConsumer
            max_messages 7
            max_wait_time 20
            config(partitions: 3)
            inline_insights true
          end
        end
      end
    end
    group = app.routes.first.subscription_groups.first
    refunds = group.topics.find("refunds")
    expect(app.routes.first.subscription_groups.size).to eq(1), "one connection, also where max_messages differs"
    expect([group.group, group.group_id, group.max_messages, group.max_wait_time]).to eq([app.routes.first, "billing", 500, 20])
    expect(group.kafka).to include("client.id": "shop", "group.id": "billing", "auto.offset.reset": "earliest",
                                   "bootstrap.servers": "127.0.0.1:9092")
    expect([refunds.group, refunds.active_job?, refunds.inline_insights?, refunds.declaratives.partitions, refunds.declaratives?])
      .to eq([app.routes.first, false, true, 3, true])
    expect([refunds.subscription_group_details, group.topics.find("payments").declaratives?])
      .to eq([{ id: "billing_0", name: "payments", position: 0, multiplexing: false }, false])
    features = %i[virtual_partitions? throttling? delaying? expiring? filtering? patterns?]
    expect(features.map { |feature| refunds.public_send(feature) }).to eq([false] * 6)
    refunds.parallel(by: :key, limit: 2) && refunds.throttle(limit: 5) && refunds.delay_by(5) && refunds.expire_after(9)
    expect(features.map { |feature| refunds.public_send(feature) }).to eq([*[true] * 5, false])
    expect { group.topics.find("other") }.to raise_error(Karafka::Errors::TopicNotFoundError)
  end
end
