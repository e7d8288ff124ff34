# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe "an application of" do
  include ApplicationHelpers

  let(:parser) { Class.new { def self.parse(string) = string.upcase } }

  it "2018 is set up and routed as it stands" do
    parser = self.parser
    consumer_class("VideosConsumer")
    karafka_app = Class.new(Karafka::App) do
      setup do |config|
        config.kafka.seed_brokers = %w[kafka://127.0.0.1:9092]
        config.kafka.session_timeout = 20
        config.client_id = "videos_app"
        config.backend = :inline
        config.batch_fetching = true
        config.batch_consuming = true
        config.consumer_mapper = ->(name) { "videos_app_#{name}" }
        config.logger = Logger.new(nil)
      end

      after_init { |config| config.logger.info("ready") }

      consumer_groups.draw do
        consumer_group :videos do
          batch_fetching true
          session_timeout 30

          topic :uploaded do
            consumer VideosConsumer
            parser parser
            batch_consuming false
            persistent false
            backend :inline
            start_from_beginning false
          end
        end
      end
    end
    karafka_app.monitor.subscribe("error.occurred") { |_event| nil }
    karafka_app.boot!

    uploaded = karafka_app.consumer_groups.first.topics.first
    expect(uploaded.to_h).to include(
      name: "uploaded", batch_consuming: false, consumer_persistence: false, initial_offset: "latest",
      consumer_group_id: "videos_app_videos"
    )
    expect(uploaded.deserializer.call(Struct.new(:raw_payload).new("abc"))).to eq("ABC")
    expect(uploaded.deserializer.call(Struct.new(:raw_payload).new(nil))).to be_nil
    expect(Karafka::Engine::Config.new.to_h.dig(:groups, 0, :kafka))
      .to include("session.timeout.ms" => "30000", "group.id" => "videos_app_videos")
  end

  it "2016 is routed as it stands: controller, group, inline_mode" do
    setup { |config| config.name = "old" }
    controller = stub_const("OrdersController", Class.new(Karafka::Consumers::Controller) { def perform; end })
    app.routes.draw do
      topic :orders do
        group :legacy
        controller controller
        inline_mode true
        batch_mode false
      end
      topic(:users) { controller controller }
    end
    expect(app.config.client_id).to eq("old")
    expect(app.routes.to_h { |group| [group.name, group.topics.map(&:name)] }.reject { |_, topics| topics.empty? })
      .to eq("legacy" => %w[orders], "app" => %w[users])
    orders = app.routes.topics.find { |topic| topic.name == "orders" }
    expect(orders).to have_attributes(consumer: controller, id: "legacy_orders", max_messages: 1)
    expect(orders.subscription_group.id).to eq("legacy_0")
  end

  it "2016 gets an error for a controller without perform" do
    setup
    controller = stub_const("LateController", Class.new(Karafka::Consumers::Controller))
    app.config.logger = Logger.new(File::NULL)
    app.routes.draw { topic(:x) { controller controller } }
    expect { app.boot! }.to be_refused(/LateController, which has no method `perform`/)
  end

  it "early 2.x sets pauses by their flat names, in milliseconds" do
    setup do |config|
      config.pause_timeout = 50_000
      config.pause_with_exponential_backoff = false
      config.persistent = false
    end
    expect(app.config.pause.to_h).to eq(timeout: 50_000, max_timeout: 50_000, with_exponential_backoff: false)
    expect([app.config.pause_timeout, app.config.consumer_persistence]).to eq([50_000, false])
  end

  it "any age hears why a setting is gone" do
    { redis: "Sidekiq itself", zookeeper: "seed_brokers", connection_pool: "delete it", max_concurrency: "config.concurrency",
      license: "free", internal: "another implementation" }.each do |name, why|
      expect { setup { |config| config.public_send(:"#{name}=", {}) } }.to be_refused(/no setting `config.#{name}`: .*#{why}/)
    end
  end

  it "1.x sets a parser for all topics" do
    setup { |config| config.parser = parser }
    expect(topic.deserializer.parser).to be(parser)
    expect { setup { |config| config.parser = Object.new } }.to be_refused(/config.parser .* parse\(string\)/)
  end

  it "1.x gets its name of consumer groups from the mapper it had by default" do
    setup do |config|
      config.client_id = "shop"
      config.consumer_mapper = Karafka::Routing::ConsumerMapper.new
    end
    expect(topic.consumer_group.id).to eq("shop_app")
  end

  { "MyShop" => "my_shop_app", "my-shop" => "my_shop_app", "HTTPShop2Go" => "http_shop2_go_app",
    "shop.eu" => "shop.eu_app" }.each do |id, group|
    it "1.x makes #{group} of the client id #{id}" do
      setup do |config|
        config.client_id = id
        config.consumer_mapper = Karafka::Routing::ConsumerMapper # of 1.2: without an instance
        config.topic_mapper = Karafka::Routing::TopicMapper
      end
      drawn = topic
      expect([drawn.consumer_group.id, drawn.subscription_name]).to eq([group, "orders"])
    end
  end

  it "1.x sets what is gone to nothing" do
    setup { |config| config.redis = nil }
    expect { setup { |config| config.redis = {} } }.to be_refused(/no setting `config.redis`/)
  end
end
