# frozen_string_literal: true

require "support/sample_application"

# Sample applications of the libraries that have an adapter, with each of their kinds of files.
RSpec.describe "karafka doctor --migrate", "of an application of another library" do
  include SampleApplication

  it "lists racecar's consumers, settings, environment and commands, by file and line" do
    report = examined(
      "Gemfile" => "source 'https://rubygems.org'\ngem \"racecar\", \"~> 2.9\"\n",
      "Gemfile.lock" => "GEM\n  specs:\n    racecar (2.9.0)\n      rdkafka (>= 0.12)\n",
      "Procfile" => "web: puma\nbans: bundle exec racecar Bans::Consumer\n",
      ".env" => "RACECAR_BROKERS=kafka:9092\nRACECAR_BROKRES=kafka:9092\n",
      "config/racecar.yml" => <<~YAML,
        common: &common
          brokers: <%= ENV["BROKERS"] %>
          pause_timeout: -1
        production:
          <<: *common
          pause_with_exponential_backoff: true
      YAML
      "app/consumers/application_consumer.rb" => "class ApplicationConsumer < Racecar::Consumer\nend\n",
      "app/consumers/bans/consumer.rb" => <<~RUBY
        module Bans
          class Consumer < ApplicationConsumer
            subscribes_to "bans", start_from_beginning: false

            def process(message)
              heartbeat
              produce(message.value, topic: "out")
            end
          end
        end
      RUBY
    )
    expect(report[:status]).to eq(2)
    expect(report[:libraries]).to eq([{ name: "racecar", version: "2.9.0", page: "docs/migration/racecar.md" }])
    expect(short(report, "Gemfile")).to eq(['2 do gem "racecar"'])
    expect(text(report, 'gem "racecar"')).to eq('write `gem "karafka-rs", require: "karafka/compat/racecar"` instead')
    expect(short(report, "Procfile")).to eq(["2 do bundle exec racecar"])
    expect(short(report, ".env")).to eq(["1 works RACECAR_BROKERS", "2 changes RACECAR_BROKRES"])
    expect(short(report, "config/racecar.yml"))
      .to eq(["2 works brokers", "3 changes pause_timeout", "6 changes pause_with_exponential_backoff"])
    expect(short(report, "app/consumers/application_consumer.rb")).to eq(["1 works Racecar::Consumer"])
    expect(short(report, "app/consumers/bans/consumer.rb"))
      .to eq(["3 works subscribes_to", "5 changes def process", "6 changes heartbeat", "7 works produce"])
  end

  it "lists ruby-kafka's clients, options, errors and metrics, and leaves like names of others alone" do
    code = <<~RUBY
      require "kafka"
      kafka = Kafka.new(["a:9092"], sasl_aws_msk_iam_access_key_id: KEY)
      consumer = kafka.consumer(group_id: "g", fetcher_max_queue_size: 10, assignment_strategy: Mine.new)
      consumer.each_batch { |batch| consumer.trigger_heartbeat }
      kafka.producer(compression_threshold: 2).deliver_messages
      Kafka::Cluster.new
      rescue_from Kafka::ConnectionError
      ActiveSupport::Notifications.subscribe("request.connection.kafka") { }
    RUBY
    report = examined("Gemfile" => 'gem "ruby-kafka"', "app/kafka.rb" => code)
    expect(short(report, "app/kafka.rb")).to eq(
      ['1 works require "kafka"', "2 do sasl_aws_msk_iam_access_key_id:", "2 works Kafka.new", "3 changes assignment_strategy:",
       "3 changes fetcher_max_queue_size:", "4 changes each_batch", "4 changes trigger_heartbeat", "5 changes compression_threshold:",
       "5 changes deliver_messages", "6 do Kafka::Cluster", "7 changes Kafka::ConnectionError", "8 changes request.connection.kafka"]
    )
    FileUtils.rm_rf(Dir.glob("#{directory}/*"))
    others = "class MyConsumer\n  def run = records.each_batch { |batch| Kafkaesque.deliver_messages(batch) }\nend\n"
    expect(examined("app/other.rb" => others)).to include(status: 0, findings: [], libraries: [])
  end

  it "lists delivery_boy's calls and settings, one line of the Gemfile for it and ruby-kafka" do
    report = examined(
      "Gemfile" => "gem 'delivery_boy'\ngem 'ruby-kafka'\n",
      "app/send.rb" => "DeliveryBoy.deliver_async(\"x\", topic: \"t\")\nDeliveryBoy.deliver_later\n",
      "config/delivery_boy.rb" => "DeliveryBoy.configure do |c|\n  c.max_retries = 3\n  c.brokerz = []\nend\n",
      "config/delivery_boy.yml" => "production:\n  log_level: info\n"
    )
    expect(short(report, "app/send.rb")).to eq(["1 works DeliveryBoy.deliver_async", "2 do DeliveryBoy.deliver_later"])
    expect(short(report, "config/delivery_boy.rb"))
      .to eq(["1 works DeliveryBoy.configure", "2 changes max_retries", "3 do brokerz"])
    expect(short(report, "config/delivery_boy.yml")).to eq(["2 changes log_level"])
    expect(text(report, 'gem "delivery_boy"')).to include('require: ["karafka/compat/delivery_boy", "karafka/compat/ruby-kafka"]')
  end

  it "lists phobos's handlers and sections, also of an older release" do
    report = examined(
      "Gemfile" => "gem 'phobos', '~> 1.8'\n", "bin/start" => "#!/bin/sh\nexec phobos start -c x.yml\nphobos start\n",
      "config/phobos.yml" => "kafka:\n  client_id: a\nproducer:\n  delivery_interval: 1\nlisteners:\n  - handler: A\n    " \
                             "delivery: batch\nlogs:\n  a: 1\n",
      "app/handler.rb" => <<~RUBY
        class A
          include Phobos::Handler
          include Phobos::Producer
          def self.around_consume(payload, metadata) = yield
          def before_consume(payload) = payload
          def consume(payload, metadata) = producer.async_publish(topic: "t", payload: payload)
        end
      RUBY
    )
    expect(text(report, 'gem "phobos"')).to include("The names that are known are those of 2.x; here it is 1.8")
    expect(short(report, "config/phobos.yml"))
      .to eq(["1 works kafka", "3 works producer", "4 changes producer.delivery_interval", "5 works listeners",
              "7 changes listeners.delivery", "8 do logs"])
    expect(short(report, "app/handler.rb")).to eq(
      ["2 works Phobos::Handler", "3 works Phobos::Producer", "4 do def self.around_consume", "5 do def before_consume",
       "6 changes async_publish", "6 works def consume"]
    )
    expect(short(report, "bin/start")).to eq(["3 do phobos start"])
  end

  it "lists Worker Glass and gems that go with a library" do
    report = examined(
      "Gemfile" => "gem 'worker-glass'\ngem 'karafka-web'\ngem 'sidekiq'\n",
      "app/worker.rb" => "require 'worker_glass'\nclass W\n  prepend WorkerGlass::Timeout\nend\nWorkerGlass.logger = nil\n"
    )
    expect(short(report, "Gemfile")).to eq(['1 do gem "worker-glass"', '2 do gem "karafka-web"'])
    expect(short(report, "app/worker.rb")).to eq(['1 works require "worker_glass"', "3 works WorkerGlass::Timeout"])
  end

  it "has nothing to do once the Gemfile has this gem, and asks for what is left of the others to go" do
    files = { "Gemfile" => "gem 'karafka-rs', require: 'karafka/compat/racecar'\n", "app/a.rb" => "class A < Racecar::Consumer\nend\n" }
    expect(examined(files)[:status]).to eq(0)
    report = examined("Gemfile" => "gem 'karafka-rs'\ngem 'racecar'\n")
    expect([report[:status], text(report, 'gem "racecar"')]).to eq([2, "delete it: karafka-rs takes its place"])
  end
end
