# frozen_string_literal: true

require "tmpdir"
require "support/fake_lease"
require "support/routes"

RSpec.describe "parts of older versions of Karafka" do
  include OneTopic

  let(:plain) { Class.new(Karafka::BaseConsumer) { def consume = nil } }

  describe Karafka::Loader do
    it "loads what lies in an application, what others build on first" do
      Dir.mktmpdir do |root|
        { "lib/z.rb" => "lib", "app/consumers/deep/c.rb" => "deep", "app/consumers/b.rb" => "app", "config/initializers/i.rb" => "init",
          "other/never.rb" => "never" }.each do |path, word|
          FileUtils.mkdir_p(File.dirname(File.join(root, path)))
          File.write(File.join(root, path), "($karafka_loaded ||= []) << #{word.inspect}")
        end
        described_class.load(root)
        described_class.new.load(Pathname.new(root))
      end
      expect($karafka_loaded).to eq(%w[init lib app deep]) # rubocop:disable Style/GlobalVars
    ensure
      $karafka_loaded = nil # rubocop:disable Style/GlobalVars
    end
  end

  it "have the JSON parser, whose errors have the old name, for a topic's parser" do
    json = Karafka::Parsers::Json
    expect([json.parse('{"a":1}'), json.generate({ a: 1 }), json.generate("as it is")]).to eq([{ "a" => 1 }, '{"a":1}', "as it is"])
    expect { json.parse("{") }.to raise_error(Karafka::Errors::ParserError)
    routes = route(plain) { parser Karafka::Parsers::Json }
    assignment = Karafka::Coordinator.new(routes).fetch(lease = FakeLease.new(['{"a":1}']))
    assignment.consume(lease)
    expect(assignment.consumer.messages.payloads).to eq([{ "a" => 1 }])
    expect(Karafka::Serialization::Json::Serializer.new.call({ a: 1 })).to eq('{"a":1}')
  end

  it "have a topic mapper to inherit from" do
    mapper = Class.new(Karafka::Routing::TopicMapper) { def outgoing(topic) = "shop.#{topic}" }.new
    expect([mapper.incoming("a"), mapper.outgoing("a")]).to eq(%w[a shop.a])
  end

  it "have listeners that are subscribed as they stand there" do
    log = StringIO.new
    Karafka::App.config.logger = Logger.new(log)
    Karafka.monitor.subscribe(Karafka::Instrumentation::Listener)
    Karafka.monitor.subscribe(WaterDrop::Instrumentation::LoggerListener.new)
    Karafka.monitor.instrument("app.stopping", caller: self)
    expect(log.string).to include("Stopping Karafka", "on_message_produced_async", "subscribe it there as well")
  end

  it "warn of listeners for events that have another name today" do
    log = StringIO.new
    Karafka::App.config.logger = Logger.new(log)
    listener = Class.new do
      def on_connection_message_delegator_call(_event) = nil
      def on_sync_producer_call_error(_event) = nil
      def on_params_params_parse(_event) = nil
    end
    Karafka.monitor.subscribe(listener.new)
    expect(log.string.scan(/#(on_\w+) will not be called\. (.*)$/)).to contain_exactly(
      ["on_connection_message_delegator_call", 'It is "consumer.consumed" today.'],
      ["on_sync_producer_call_error", 'It is "error.occurred" today (see event[:type]).'],
      ["on_params_params_parse", "There is no such event any more."]
    )
  end

  describe Karafka::Routing::Topics do
    it "finds by name, as well as by a block" do
      route(plain)
      topics = Karafka::App.routes.first.topics
      expect([topics.find("orders"), topics.find(:orders), topics.find { |topic| topic.name == "orders" }].uniq).to eq([topics.first])
      expect(topics.find { false }).to be_nil
      expect { topics.find("order") }.to raise_error(Karafka::Errors::TopicNotFoundError, /no topic order in orders/)
    end
  end

  describe Karafka::Routing::DeclarativeSettings do
    def draw(&)
      Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:9092" } }
      Karafka::App.routes.draw(&)
      Karafka::App.routes.topics
    end

    it "declares in defaults for topics that do not say it, as a whole" do
      klass = plain
      one, two = draw do
        defaults { config partitions: 5, replication_factor: 2 }
        topic(:one) { consumer klass }
        topic(:two) do
          consumer klass
          config partitions: 3
        end
      end
      expect([one, two].map { |topic| topic.config.to_h.values_at(:active, :partitions, :replication_factor) })
        .to eq([[true, 5, 2], [true, 3, 1]])
    end

    it "does not make a forgotten consumer right" do
      expect do
        draw do
          defaults { config partitions: 5 }
          topic(:one) { max_messages 5 }
        end
      end.to raise_error(Karafka::Errors::InvalidConfigurationError, /topic one consumer is nil/)
    end
  end

  describe Karafka::Assignments do
    it "says which partitions of which topics there are, over all connections" do
      klass = plain
      Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:9092" } }
      Karafka::App.routes.draw do
        subscription_group(:many, multiplexing: { max: 2 }) { topic(:orders) { consumer klass } }
        consumer_group(:other) do
          topic(:orders) { consumer klass }
          topic(/\Aaudit\./) { consumer klass }
        end
      end
      groups = Karafka::App.routes.subscription_groups
      listeners = groups.map { |group| Karafka::Runtime::Listener.new(group.id, group) }
      state = { groups: groups.each_with_index.map do |group, index|
        audit = group.consumer_group.name == "other" ? [["audit.users", 7], ["audit.users", 2]] : []
        { id: group.id, assigned: [["orders", index]] + audit }
      end }
      found = described_class.of(state, listeners)
      expect(found.map { |topic, partitions| [topic.consumer_group.name, topic.name, partitions] }).to eq(
        [["app", "orders", [0, 1]], ["other", "orders", [2]], ["other", "audit.users", [2, 7]]]
      )
      expect(found.keys.first).to equal(Karafka::App.routes.first.topics.first)
    end

    it "is empty where no server runs" do
      expect(Karafka::App.assignments).to eq({})
    end
  end

  it "say what the process is" do
    expect([Karafka.pro?, Karafka.rails?, Karafka.core_root.join("app.rb").exist?]).to eq([false, !defined?(Rails::Railtie).nil?, true])
    mode = Karafka::Server.execution_mode
    expect([mode.standalone?, mode.embedded?, mode == :standalone, mode.to_s, mode.swarm?]).to eq([true, false, true, "standalone", false])
    expect { Karafka::App.before_fetch_loop { nil } }.to raise_error(Karafka::Errors::UnsupportedFeatureError, /Seek in the consumer/)
  end

  it "go over the tags of the process" do
    Karafka::Process.tags.add(:commit, "abc")
    expect(Karafka::Process.tags.map(&:upcase)).to include("ABC")
  ensure
    Karafka::Process.tags.clear
  end
end
