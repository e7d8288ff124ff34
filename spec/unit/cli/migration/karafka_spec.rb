# frozen_string_literal: true

require "support/sample_application"

# Applications of Karafka's three generations.
RSpec.describe "karafka doctor --migrate", "of a Karafka application" do
  include SampleApplication

  def lock(version) = { "Gemfile" => "gem 'karafka'\n", "Gemfile.lock" => "GEM\n  specs:\n    karafka (#{version})\n" }

  it "lists the settings, routes and events of 2.x by what this gem takes" do
    report = examined(**lock("2.3.1"), "karafka.rb" => <<~RUBY)
      class KarafkaApp < Karafka::App
        setup do |config|
          config.kafka = { "bootstrap.servers": "a:9092", "queued.max.messages.kbytes": 1_000 }
          config.concurrency = 5
          config.license.token = "x"
          config.concurency = 5
          config.encryption.active = true
          config.max_messages = 0
        end
        Karafka.monitor.subscribe("error.occurred") { }
        monitor.subscribe("consumer.consumd") { }
        routes.draw do
          topic :orders do
            consumer OrdersConsumer
            long_running_job true
            max_messages "many"
            scheduled_messages true
            dead_letter_queue(topic: "dead", max_retries: 2)
            maximum 5
          end
          recurring_tasks true
        end
      end
      Karafka::Web.enable!
    RUBY
    expect(short(report, "karafka.rb")).to eq(
      ["1 works Karafka::App", "2 do names of groups", "3 changes config.kafka.queued.max.messages.kbytes",
       "3 works config.kafka.bootstrap.servers", "4 works config.concurrency", "5 do config.license.token", "6 do config.concurency",
       "7 do config.encryption.active", "8 do config.max_messages", "10 works event error.occurred", "11 do event consumer.consumd",
       "13 works topic", "14 works consumer", "15 changes long_running_job", "16 do max_messages", "17 do scheduled_messages",
       "18 works dead_letter_queue", "19 do maximum", "21 do recurring_tasks", "24 do Karafka::Web"]
    )
    expect(text(report, "config.concurency")).to include("Did you mean", "concurrency")
    expect(text(report, "max_messages")).to include("topic orders max_messages", "many")
    expect(text(report, "names of groups")).to include("config.consumer_mapper = ->(name)")
    expect(report[:libraries].first).to include(version: "2.3.1", page: "docs/migration.md#from-2x")
  end

  it "says nothing of group names from 2.4 on, or where a mapper is set" do
    code = "Karafka::App.setup { |config| config.client_id = 'a' }\n"
    expect(short(examined(**lock("2.4.0"), "karafka.rb" => code), "karafka.rb")).to eq(["1 works Karafka::App", "1 works config.client_id"])
    mapper = "Karafka::App.setup { |config| config.consumer_mapper = Mapper.new }\n"
    expect(short(examined(**lock("1.4.0"), "karafka.rb" => mapper), "karafka.rb").join).not_to include(" do ")
  end

  it "lists what 1.x had otherwise: names of groups, topics without one, params, seconds, callbacks, events" do
    report = examined(
      **lock("1.4.15"),
      "karafka.rb" => <<~RUBY,
        class App < Karafka::App
          setup do |config|
            config.kafka.session_timeout = 30
            config.kafka.heartbeat_interval = 10_000
            config.kafka.offset_commit_threshold = 100
            config.shutdown_timeout = 60
          end
          monitor.subscribe("fetcher.call.error") { }
          consumer_groups.draw do
            topic(:alone) { consumer A }
            consumer_group :videos do
              offset_retention_time(-1)
              topic(:videos) { consumer VideosConsumer }
            end
          end
        end
      RUBY
      "app/consumers/videos_consumer.rb" => <<~RUBY,
        class VideosConsumer < ApplicationConsumer
          before_stop { flush }
          def consume
            Video.create!(params)
            trigger_heartbeat
          end
        end
      RUBY
      "app/consumers/application_consumer.rb" => "class ApplicationConsumer < Karafka::BaseConsumer\nend\n"
    )
    expect(short(report, "karafka.rb").grep_v(/works/)).to eq(
      ["2 do names of groups", "4 do config.kafka.heartbeat_interval", "5 do config.kafka.offset_commit_threshold",
       "6 do config.shutdown_timeout", "8 changes event fetcher.call.error", "10 do topic :alone"]
    )
    expect(short(report, "app/consumers/videos_consumer.rb"))
      .to eq(["2 changes before_stop", "4 changes params", "4 do params", "5 changes trigger_heartbeat"])
    expect(report[:findings].map { |finding| finding[:page] }.uniq).to eq(["docs/migration/karafka-1.md"])
  end

  it "lists what 2016 had otherwise: controllers, a group for each topic, inline_mode, Redis" do
    report = examined(
      **lock("0.5.0"),
      "app.rb" => <<~RUBY,
        class App < Karafka::App
          setup do |config|
            config.name = "shop"
            config.kafka.hosts = %w[a:9092]
            config.redis = { url: "redis://a" }
            config.zookeeper.hosts = %w[a:2181]
          end
          routes.draw do
            topic :orders do
              controller OrdersController
            end
          end
        end
      RUBY
      "orders_controller.rb" => <<~RUBY
        class OrdersController < Karafka::BaseController
          self.topic = :orders
          before_enqueue { params["id"] }
          def perform = respond_with(params)
          def after_failure = nil
        end
      RUBY
    )
    expect(short(report, "app.rb").grep(/ do /))
      .to eq(["2 do inline_mode", "5 do config.redis", "6 do config.zookeeper.hosts", "9 do topic :orders"])
    expect(text(report, "topic :orders")).to include("write `group :NAME_TOPIC`")
    expect(short(report, "orders_controller.rb")).to eq(
      ["1 works Karafka::BaseController", "2 do self.topic =", "3 changes before_enqueue", "3 changes params", "4 changes def perform",
       "4 changes params", "4 works respond_with", "5 changes def after_failure"]
    )
  end

  it "lists the Sidekiq backend, and a daemon" do
    report = examined(
      "Gemfile" => "gem 'karafka', '~> 1.4'\ngem 'karafka-sidekiq-backend'\n", "Procfile" => "k: bundle exec karafka server --daemon\n",
      "karafka.rb" => "require 'karafka-sidekiq-backend'\nclass App < Karafka::App\n  setup { |c| c.backend = :sidekiq }\nend\n",
      "worker.rb" => "class ApplicationWorker < Karafka::BaseWorker\nend\n"
    )
    expect(short(report, "Gemfile")).to eq(['1 do gem "karafka"', '2 do gem "karafka-sidekiq-backend"'])
    expect(short(report, "karafka.rb")).to include('1 works require "karafka-sidekiq-backend"', "3 works config.backend")
    expect(short(report, "Procfile")).to eq(["1 do karafka server --daemon"])
    expect(short(report, "worker.rb")).to eq(["1 works Karafka::BaseWorker"])
  end

  it "lists the settings of producers" do
    report = examined("Gemfile" => "gem 'waterdrop'\n", "lib/producer.rb" => <<~RUBY)
      require "waterdrop"
      PRODUCER = WaterDrop::Producer.new do |config|
        config.kafka = { "bootstrap.servers": "a:9092", "message.timeout.ms": 50_000 }
        config.polling.mode = :fd
        config.max_payload_sise = 1
        config.deliver = true
      end
      WaterDrop.setup { |config| config.kafka.seed_brokers = %w[kafka://a:9092] }
      WaterDrop::Instrumentation::Vendors::Datadog::MetricsListener.new
    RUBY
    expect(short(report, "lib/producer.rb")).to eq(
      ['1 works require "waterdrop"', "2 works WaterDrop::Producer", "3 changes producer kafka.message.timeout.ms",
       "3 works producer kafka.bootstrap.servers", "4 changes producer polling.mode", "5 do producer max_payload_sise",
       "6 works producer deliver", "8 works producer kafka.seed_brokers",
       "9 works WaterDrop::Instrumentation::Vendors::Datadog::MetricsListener"]
    )
  end

  it "says what filters of the application inherit from, and takes filter and periodic" do
    report = examined(**lock("2.5.0"), "karafka.rb" => <<~RUBY)
      class Mine < Karafka::Pro::Processing::Filters::Base
      end
      Karafka::App.routes.draw do
        topic :orders do
          filter(->(*) { Mine.new })
          periodic interval: 5_000
          periodic during_pause: true
        end
      end
    RUBY
    expect(short(report, "karafka.rb").grep(/filter|periodic|Base/))
      .to eq(["1 do Karafka::Pro::Processing::Filters::Base", "5 works filter", "6 works periodic", "7 do periodic"])
    expect(text(report, "Karafka::Pro::Processing::Filters::Base")).to include("Karafka::Consumers::Filter")
  end

  it "takes names that the application defines itself for its own" do
    report = examined(**lock("2.5.0"), "karafka.rb" => <<~RUBY)
      module Karafka
        class Extras < Karafka::Routing::Features::Base
          module Topic
            def audited(value = nil) = value
          end
        end
      end
      def shared = 1
      Karafka::Extras.activate
      Karafka::App.routes.draw do
        shared
        %w[a b].each { |name| topic(name) { audited true } }
      end
    RUBY
    expect(short(report, "karafka.rb").grep(/ do /)).to eq([])
  end
end
