# frozen_string_literal: true

require "json"
require "yaml"
require_relative "../../support/application"

RSpec.describe Karafka::Flow do
  include ApplicationHelpers

  before do
    setup { |config| config.client_id = "shop" }
    consumer_class("LogsConsumer")
    consumer_class("VideosConsumer")
    stub_const("VideosResponder", Class.new(Karafka::BaseResponder)).tap do |klass|
      klass.topic :transcoded
      klass.topic :mails, required: false, multiple_usage: true, async: true
      klass.topic :a_topic_with_a_rather_long_name, multiple_usage: true
    end
    app.routes.draw do
      topic(:videos) do
        consumer VideosConsumer
        config(partitions: 4, replication_factor: 2)
      end
      topic(:mails) { consumer LogsConsumer }
      topic(:created) { config(partitions: 2) }
      topic(:off) { consumer(LogsConsumer) && active(false) }
      consumer_group(:audit) do
        topic(:mails) { consumer LogsConsumer }
        topic(/\Aaudit\."x/) do
          consumer LogsConsumer
          produces :archive, :"archive.old", required: true, multiple_usage: false
        end
      end
    end
  end

  def render(format, **options) = described_class.render(format, **options)

  it "is text: incoming topics in alphabetical order, and where each leads" do
    expect(render("text")).to eq(<<~TEXT)
      /\\Aaudit\\."x/ =>
        - archive:              (always, exactly once)
        - archive.old:          (always, exactly once)
      mails (group app) => (nothing)
      mails (group audit) => (nothing)
      videos =>
        - a_topic_with_a_rather_long_name: (always, one or more)
        - mails:                (conditionally, one or more)
        - transcoded:           (always, exactly once)
    TEXT
  end

  it "shows what a feature adds to the outgoing topics of a route" do
    dead = Karafka::Routing::ProducedTopics::Target.new(name: "mails.dead", kind: :dead_letter, required: false, multiple_usage: true)
    route = app.routes.topics.find { |topic| topic.name == "mails" }
    route.define_singleton_method(:outgoing_topics) { [dead] }
    expect(render("text", topics: [route])).to eq("mails =>\n  - mails.dead:           (conditionally, one or more) dead letter\n")
    %w[dot mermaid].each { |format| expect(render(format, topics: [route])).to include('"conditionally, one or more, dead letter"') }
  end

  it "is JSON" do
    topics = JSON.parse(render("json"), symbolize_names: true).fetch(:topics)
    facts = topics.map { |topic| topic.values_at(:name, :kafka_name, :pattern, :consumer_group, :consumer, :responder) }
    expect(facts).to eq(
      [
        ['/\Aaudit\."x/', nil, true, "audit", "LogsConsumer", nil],
        ["mails", "mails", false, "app", "LogsConsumer", nil],
        ["mails", "mails", false, "audit", "LogsConsumer", nil],
        ["videos", "videos", false, "app", "VideosConsumer", "VideosResponder"]
      ]
    )
    expect(topics.last[:outgoing][1])
      .to eq(name: "mails", kafka_name: "mails", kind: "responder", required: false, multiple_usage: true, async: true)
  end

  it "is a picture for Graphviz" do
    text = render("dot")
    expect(text).to start_with("digraph flow {\n").and end_with("}\n")
    expect(text).to include('t1 [label="/\\\\Aaudit\\\\.\\"x/", shape=cylinder];', 'c1 [label="LogsConsumer\naudit", shape=box];',
                            "t1 -> c1;", 'c1 -> t2 [label="always, exactly once"];',
                            'c4 -> t4 [label="conditionally, one or more", style=dashed];')
    # Where mails leads to is not where the pattern does, though the consumer is the same.
    expect(text.scan("LogsConsumer").size).to eq(3)
  end

  it "is a picture for Markdown" do
    text = render("mermaid")
    expect(text).to start_with("flowchart LR\n")
    expect(text).to include('t1[("#47;#92;Aaudit#92;.#34;x#47;")]', 'c1["LogsConsumer<br>audit"]', "t1 --> c1",
                            'c4 -.->|"conditionally, one or more"| t4')
  end

  describe "as an AsyncAPI document" do
    let(:document) { YAML.safe_load(render("asyncapi")) }

    # What the schema of AsyncAPI 3.0 asks for, as far as such a document uses it.
    it "is complete, and refers to nothing that is not there" do
      expect(document.keys).to eq(%w[asyncapi info defaultContentType servers channels operations])
      expect(document["asyncapi"]).to eq("3.0.0")
      expect(document["info"].values_at("title", "version")).to eq(%w[shop 0.0.0])
      references = JSON.generate(document).scan(/"\$ref":"([^"]+)"/).flatten
      expect(references).not_to be_empty
      references.each { |reference| expect(document.dig(*reference.delete_prefix("#/").split("/"))).to be_a(Hash), reference }
      document["operations"].each_value do |operation|
        expect(operation["action"]).to eq("send").or eq("receive")
        expect(operation["messages"].map { |message| message["$ref"] }).to all(start_with("#{operation["channel"]["$ref"]}/messages/"))
      end
      document["servers"].each_value { |server| expect(server.keys).to eq(%w[host protocol]) }
    end

    it "has topics as channels, and what is consumed and produced as operations" do
      expect(document["channels"].transform_values { |channel| channel["address"] })
        .to eq("pattern__audit_._x" => nil, "archive" => "archive", "archive.old" => "archive.old", "mails" => "mails",
               "videos" => "videos", "transcoded" => "transcoded",
               "a_topic_with_a_rather_long_name" => "a_topic_with_a_rather_long_name")
      expect(document.dig("channels", "videos", "bindings", "kafka")).to include("topic" => "videos", "partitions" => 4, "replicas" => 2)
      expect(document["operations"].values.map { |operation| [operation["action"], operation["channel"]["$ref"].split("/").last] })
        .to contain_exactly(["receive", "pattern__audit_._x"], %w[send archive], %w[send archive.old], %w[receive mails], %w[receive mails],
                            %w[receive videos], %w[send mails], %w[send transcoded], %w[send a_topic_with_a_rather_long_name])
      expect(document.dig("operations", "receive_mails_audit", "bindings", "kafka", "groupId", "enum")).to eq(["audit"])
    end

    it "is JSON where that is wanted, and names topics as Kafka does" do
      app.config.topic_mapper = Struct.new(:prefix) do
        def incoming(topic) = topic.delete_prefix(prefix)
        def outgoing(topic) = prefix + topic
      end.new("test.")
      channels = JSON.parse(render("asyncapi", json: true))["channels"]
      expect(channels.values.map { |channel| channel["address"] }).to include("test.mails", "test.transcoded")
      expect(render("text")).to include("videos =>\n", "- transcoded:")
    end

    it "hides nothing secret, because it holds none" do
      setup("sasl.password": "s3cret", "sasl.username": "me", "sasl.mechanism": "PLAIN", "security.protocol": "SASL_SSL",
            "bootstrap.servers": "a:1, b:2")
      expect(render("asyncapi")).not_to include("s3cret")
      expect(document["servers"].values)
        .to eq([{ "host" => "a:1", "protocol" => "kafka-secure" }, { "host" => "b:2", "protocol" => "kafka-secure" }])
    end
  end

  it "checks the names that a route says it produces to" do
    expect { topic("x", klass: LogsConsumer) { produces "a b" } }.to be_refused(/topic x produces is "a b"/)
  end
end
