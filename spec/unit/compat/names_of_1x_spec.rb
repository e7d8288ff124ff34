# frozen_string_literal: true

require "support/karafka_names"
require "support/routes"

RSpec.describe "names of 1.x and 2.x that applications, their specs and other gems use" do
  include OneTopic

  let(:refused) { Karafka::Errors::InvalidConfigurationError }
  let(:unsupported) { Karafka::Errors::UnsupportedFeatureError }
  let(:fetched) { Struct.new(:value, :key, :headers, :offset, :partition, :topic, :create_time) } # rubocop:disable Lint/StructNewOverride

  def setup(**settings)
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:9092" }
      settings.each { |name, value| config.public_send(:"#{name}=", value) }
    end
  end

  describe "specs of 1.x" do
    it "build a consumer with its topic, give it a batch and call it, with callbacks" do
      seen = []
      klass = consumer do
        include Karafka::Consumers::Callbacks
        after_received { seen << :before }
        define_method(:consume) { seen << [topic.name, params_batch.map { |params| params["id"] }] }
      end
      route(klass)
      built = klass.new(Karafka::App.routes.topics.first)
      built.params_batch = [{ "id" => 1 }, { "id" => 2 }]
      built.call
      expect(seen).to eq([:before, ["orders", [1, 2]]])
      expect { klass.new.topic }.to raise_error(Karafka::Errors::UnassignedConsumerError)
    end

    it "have the one message as params, where the topic has batch_consuming false" do
      klass = consumer { define_method(:consume) { @seen = [params[:id], params_batch.size] } }
      route(klass) { batch_consuming false }
      built = klass.new(Karafka::App.routes.topics.first)
      built.params_batch = Karafka::Params::ParamsBatch.new([Karafka::Params::Params.new('{"id":1}', Karafka::Params::Metadata.new)])
      built.call
      expect(built.instance_variable_get(:@seen)).to eq([1, 1])
    end

    it "build messages by hand, with the metadata of 1.x" do
      time = Time.at(1)
      metadata = Karafka::Params::Metadata.new(
        topic: "orders", partition: 1, offset: 2, key: "k", headers: { "a" => "b" }, create_time: time, receive_time: time,
        deserializer: ->(message) { message.raw_payload.upcase }, is_control_record: false
      )
      message = Karafka::Params::Params.new("text", metadata)
      expect([message.payload, message.metadata.create_time, message.metadata.is_control_record]).to eq(["TEXT", time, false])
      expect(message.metadata.deserializer.call(message)).to eq("TEXT")
      expect { Karafka::Params::Metadata.new(is_control_record: true) }.to raise_error(ArgumentError, /never delivered/)
    end

    it "build them of what another library fetched" do
      builders = Karafka::Params::Builders
      message = fetched.new('{"a":1}', "k", {}, 5, 0, "orders", Time.at(3))
      batch = builders::ParamsBatch.from_kafka_messages([message], route(consumer).topic(0, 0))
      expect(batch.map { |params| [params["a"], params.offset, params.topic, params.create_time] }).to eq([[1, 5, "orders", Time.at(3)]])
      whole = double(topic: "orders", partition: 0, messages: [message], highwater_mark_offset: 9)
      metadata = builders::BatchMetadata.from_kafka_batch(whole)
      expect([metadata.batch_size, metadata.offset_lag, metadata.unknown_last_offset]).to eq([1, 3, false])
      expect(builders::Metadata.from_kafka_message(message).receive_time).to be_a(Time)
    end
  end

  it "are errors to rescue that are raised at the same moment here" do
    errors = Karafka::Errors
    expect { Karafka.monitor.subscribe("nonsense") { nil } }.to raise_error(errors::UnregisteredMonitorEventError)
    expect { route(consumer) && Karafka::App.routes.draw { topic(:orders) { consumer KarafkaNames::Plain } } }
      .to raise_error(errors::DuplicatedTopicError)
    expect { Karafka::Routing::Router.find("nonsense_orders") }.to raise_error(errors::NonMatchingRouteError, /there are: app_orders/)
    producer = WaterDrop::Producer.new { |config| config.deliver = false }
    expect { producer.produce_sync(topic: "", payload: "") }.to raise_error(WaterDrop::Errors::InvalidMessageOptions)
    expect { WaterDrop::Producer.new { |config| config.max_payload_size = 0 } }.to raise_error(WaterDrop::Errors::InvalidConfiguration)
  end

  describe "contracts and schemas" do
    let(:contracts) { Karafka::Contracts }

    it "say what is wrong instead of raising" do
      expect(contracts::Config.new.call(client_id: "shop", pause: { timeout: 5 })).to be_success
      expect(contracts::Config.new.call(client_id: "a b", max_messages: 0).errors)
        .to match(client_id: /client_id.*"a b"/, max_messages: /at least 1/)
      expect(contracts::Topic.new.call(name: "orders", max_messages: 5)).to be_success
      expect(contracts::Topic.new.call(name: "o r").errors.keys).to eq([:name])
      expect(Karafka::Schemas::ConsumerGroup.call(id: "g", topics: [{ name: "a", max_bytes: 0 }]).errors)
        .to match("topics.a.max_bytes": /at least 1/)
      expect { contracts::Topic.new.validate!(name: "o r") }.to raise_error(refused, /name: topic is "o r"/)
    end

    it "have rules, for those of other gems" do
      base = Class.new(Karafka::Core::Contractable::Contract) do
        configure { |config| config.error_messages = { "missing" => "needs to be there", "name_format" => "is no name" } }
        required(:name) { |name| name.is_a?(String) }
      end
      contract = Class.new(base) do
        optional(:limit) { |limit| limit.positive? || :limit_too_low }
        nested(:details) { required(:partitions) { |count| count.is_a?(Integer) } }
        virtual { |data, errors| errors.empty? && data[:name] == "taken" ? [[%i[name], "is taken"]] : true }
      end
      call = ->(given) { contract.new.call(given).errors }
      expect(call[{ name: "a", details: { partitions: 1 } }]).to eq({})
      expect(call[{ limit: 0, details: { partitions: "1" } }])
        .to eq(name: "needs to be there", limit: "is not valid (limit_too_low)", "details.partitions": "is not valid (partitions_format)")
      expect(call[{ name: 1, details: {} }]).to eq(name: "is no name", "details.partitions": "needs to be there")
      expect(call[{ name: "taken", details: { partitions: 1 } }]).to eq(name: "is taken")
      expect { contract.new.validate!({ name: 1 }, ArgumentError) }.to raise_error(ArgumentError, /name: is no name/)
    end

    it "know what there is to consume" do
      route(consumer)
      expect(contracts::ServerCliOptions.new.call(topics: %w[orders])).to be_success
      expect(contracts::ServerCliOptions.new.call(topics: %w[order]).errors).to eq(topics: "there is no order")
    end
  end

  describe "responders" do
    let(:responder) do
      Class.new(Karafka::BaseResponder) do
        topic :out
        def respond(data) = respond_to(:out, data, key: "k")
      end
    end

    before { setup(producer: WaterDrop::Producer.new { |config| config.deliver = false }) }

    it "show what a call has sent" do
      instance = responder.new
      expect(instance.messages_buffer).to eq({})
      instance.call({ a: 1 })
      expect(instance.messages_buffer).to eq("out" => [['{"a":1}', { key: "k" }]])
    end

    it "ask a contract of the application about options" do
      result = Struct.new(:errors) { def success? = errors.empty? }
      responder.options_contract = ->(options) { result.new(options[:key] == "k" ? { key: "is k" } : {}) }
      expect { Class.new(responder).call(1) }.to raise_error(Karafka::Errors::InvalidResponderMessageOptionsError, /topic out: key is k/)
    end

    it "are found by the name of a consumer" do
      stub_const("ShopConsumer", consumer)
      expect(Karafka::Responders::Builder.new(ShopConsumer).build).to be_nil
      stub_const("ShopResponder", responder)
      expect(Karafka::Responders::Builder.new(ShopConsumer).build).to eq(ShopResponder)
      expect(Karafka::Helpers::ClassMatcher.new(ShopConsumer, from: "Consumer", to: "Responder").match).to eq(ShopResponder)
    end
  end

  it "are the steps of a status" do
    status = Karafka::Status.new
    expect { status.run! }.to change(status, :current).to(:running)
    expect { status.stop! }.to change(status, :stopping?).to(true)
  end

  it "are helpers" do
    first = StringIO.new
    second = StringIO.new
    Karafka::Helpers::MultiDelegator.delegate(:write, :close).to(first, second).write("text")
    expect([first.string, second.string]).to eq(%w[text text])
    expect(%w[MyShop-a.b HTTPServer].map { |text| Karafka::Helpers::Inflector.map(text) }).to eq(%w[my_shop_a_b http_server])
    expect(Class.new { include Karafka::Helpers::Colorize }.new.green("a")).to include("a")
    expect(Karafka::AttributesMap.topic).to include(:max_messages)
    expect(Karafka::AttributesMap.consumer_group).to include(:session_timeout)
  end

  it "are settings and routes, by their other ways in" do
    Karafka::Setup::Config.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:9092" } }
    expect(Karafka::Setup::Config.config).to equal(Karafka::App.config)
    Karafka::App.consumer_groups.draw { topic(:a) { consumer KarafkaNames::Plain } }
    Karafka::App.routes.redraw { topic(:b) { consumer KarafkaNames::Plain } }
    expect(Karafka::App.routes.topics.map(&:name)).to eq(%w[b])
    group = Karafka::Routing::ConsumerGroup.new("by_hand", Karafka::App.routes)
    Karafka::Routing::Proxy.new(group.topic(:c)) { consumer KarafkaNames::Plain }
    Karafka::App.routes << group
    expect(Karafka::App.consumer_groups.active.map(&:name)).to eq(%w[app by_hand])
    Karafka::App.reload
    expect(Karafka::App.routes.map(&:name)).to eq(%w[app])
    expect { Karafka::App.routes << :group }.to raise_error(refused, /ConsumerGroup/)
  end

  it "are routes by their id, and topics of a pattern" do
    route(consumer)
    Karafka::App.routes.draw { pattern(:p, /\Alogs\./) { consumer KarafkaNames::Plain } }
    router = Karafka::Routing::Router
    expect([router.find("app_orders").name, router.find("app_logs.a").name, router.find_by(name: "orders").id, router.find_by(name: "x")])
      .to eq(["orders", "logs.a", "app_orders", nil])
  end

  it "are what controllers of 2016 said about their topic, which the routes say now" do
    expect { Class.new(Karafka::BaseController) { self.topic = :orders } }.to raise_error(unsupported, /in the routes: topic\(:orders\)/)
    expect { Class.new(Karafka::BaseController) { self.group = :orders } }.to raise_error(unsupported, /group … in the topic's block/)
  end

  describe "features of other gems" do
    let(:feature) do
      Class.new(Karafka::Routing::Features::Base) do
        const_set(:Topic, Module.new do
          def audited(value = nil) = value.nil? ? @audited : @audited = value
          def to_h = super.merge(audited: audited)
        end)
        const_set(:Builder, Module.new { def everything_audited = defaults { max_messages 7 } })
        const_set(:Contracts, Module.new)
        self::Contracts.const_set(:Topic, Class.new(Karafka::Contracts::Base) do
          def call(topic)
            Karafka::Contracts::Result.new(topic[:audited] == :never ? { audited: "is never" } : {})
          end
        end)
      end
    end

    after { Karafka::Routing::Features::Base.active.delete(feature) }

    it "add settings, calls and checks to the routes, and see the settings" do
      seen = []
      feature.define_singleton_method(:pre_setup) { |_config| seen << :pre }
      feature.define_singleton_method(:post_setup) { |config| seen << config.client_id }
      2.times { feature.activate }
      setup(client_id: "shop")
      expect(seen).to eq([:pre, "shop"])
      Karafka::App.routes.draw do
        everything_audited
        topic(:a) { [consumer(KarafkaNames::Plain), audited(:always)] }
      end
      expect(Karafka::App.routes.topics.map { |topic| [topic.audited, topic.to_h[:audited], topic.max_messages] })
        .to eq([[:always, :always, 7]])
      expect { Karafka::App.routes.draw { topic(:b) { [consumer(KarafkaNames::Plain), audited(:never)] } } }
        .to raise_error(refused, /audited: is never/)
    end
  end

  describe "commands of an application" do
    let(:command) do
      Class.new(Karafka::Cli::Base) do
        def self.name = "MonthlyReport"
        desc "Print it"
        option :limit, "At most", Integer, ["-l"]
        option :loud, "Say more", TrueClass
        aliases :rep
        def call = puts("report #{options.to_a}")
      end
    end

    after { Karafka::Cli::Base.known.delete(command) }

    it "are called by their name and options" do
      command
      expect { expect(Karafka::Cli.run(%w[monthly_report --limit 5 --loud])).to eq(0) }
        .to output("report [[:limit, 5], [:loud, true]]\n").to_stdout
      expect { Karafka::Cli.run(%w[rep]) }.to output("report []\n").to_stdout
      err = StringIO.new
      expect([Karafka::Cli.run(%w[rep --limt 5], err: err), Karafka::Cli.run(%w[rep x], err: err)]).to eq([1, 1])
      expect(err.string).to match(/monthly_report: invalid option: --limt.*takes no "x"/m)
    end

    it "are started by scripts of 1.x" do
      Karafka::Cli.prepare
      expect { expect { Karafka::Cli.start(%w[version]) }.to raise_error(SystemExit) }.to output(/karafka-rs/).to_stdout
    end
  end
end
