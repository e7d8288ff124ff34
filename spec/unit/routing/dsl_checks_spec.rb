# frozen_string_literal: true

require "support/application"

RSpec.describe Karafka::Routing::DslChecks do
  include ApplicationHelpers

  before { setup }

  def refuses(message, &)
    expect(&).to be_refused(message)
    app.routes.clear
  end

  (Karafka::Routing::Layer::TYPES.keys + %i[
    kafka deserializers deserializer long_running_job only throttle throttling parallel offset_metadata dead_letter_queue retry_topics
    consumer controller responder group assign config delaying
  ]).each do |setting|
    it "refuses #{setting} without a value in the block of a topic, where it would do nothing" do
      name = { throttling: :throttle, controller: :consumer, delaying: :delay_by }.fetch(setting, setting)
      refuses(/topic orders #{name} has no value, so it sets nothing/) { topic { public_send(setting) } }
    end
  end

  it "refuses them in every layer, and says how they are called" do
    refuses(/defaults dead_letter_queue .*such as: dead_letter_queue topic: "dead"/) { app.routes.draw { defaults { dead_letter_queue } } }
    refuses(/consumer_group g manual_offset_management/) { app.routes.draw { consumer_group(:g) { manual_offset_management } } }
    refuses(/subscription_group s throttle.*limit: 100/) { app.routes.draw { subscription_group(:s) { throttle } } }
  end

  it "reads outside of a block, also after one that raised" do
    expect { topic { raise "a mistake of another kind" } }.to raise_error("a mistake of another kind")
    app.routes.clear
    drawn = topic { dead_letter_queue topic: "dead" }
    expect([drawn.manual_offset_management, drawn.dead_letter_queue.topic, drawn.throttle]).to eq([false, "dead", nil])
    expect(app.routes.defaults_layer.max_messages).to eq(100)
  end

  {
    proc { produces } => /topic orders produces is nil, but must be given topics, such as: produces :receipts/,
    proc { produces :x, requird: true } => /Unknown option `topic orders produces requird`. Did you mean `topic orders produces required`/,
    proc { produces :x, required: "yes" } => /topic orders produces required is "yes", but must be true or false/,
    proc { parallel b: :key } => /Did you mean `topic orders parallel by`/,
    proc { virtual_partitions partitionr: 1 } => /Did you mean `topic orders virtual_partitions partitioner`/,
    proc { offset_metadata cach: true } => /Did you mean `topic orders offset_metadata cache`/,
    proc { retry_topics delay: [1] } => /Did you mean `topic orders retry_topics delays`/,
    proc { config partition: 3 } => /Did you mean `topic orders config partitions`/,
    proc { throttle limt: 3 } => /Did you mean `topic orders throttle limit`/,
    proc { responder nil } => /topic orders responder is nil, but must be a class that inherits from Karafka::BaseResponder, or its name/
  }.each do |settings, message|
    it "refuses what is misspelt or missing: #{message.source}" do
      refuses(message) { topic(&settings) }
    end
  end

  it "takes Kafka's own settings of a topic beside the number of partitions" do
    declared = topic { config partitions: 3, "retention.ms": 5, preallocate: true }.config
    expect(declared.details).to eq("retention.ms": 5, preallocate: true)
  end

  it "says where settings belong that are given as options" do
    klass = consumer_class
    refuses(/topic orders takes no options, but got consumer. Settings go into its block/) do
      app.routes.draw do
        topic(:orders, consumer: klass)
      end
    end
    refuses(/consumer_group g takes no options/) do
      app.routes.draw do
        consumer_group(:g, max_messages: 1) do
          topic(:a) do
            consumer klass
          end
        end
      end
    end
    refuses(/`subscription_group s multiplexing mx`. There are: .*max/) do
      app.routes.draw do
        subscription_group(:s) do
          multiplexing mx: 2
        end
      end
    end
  end

  it "resolves a responder that is given by its name, and refuses one that is not there at the start" do
    responder = stub_const("OrdersResponder", Class.new(Karafka::BaseResponder) { def respond(_data); end })
    expect(topic { responder "OrdersResponder" }.responder).to be(responder)
    app.routes.clear
    topic { responder "NopeResponder" }
    expect { Karafka::Routing::Contract.new(app.routes).check!(classes_by_name: true) }
      .to be_refused(/topic orders responder is NopeResponder, which cannot be loaded/)
  end

  # rubocop:disable Style/FormatStringToken -- not for `format`
  it "refuses placeholders of group.instance.id that stand for nothing" do
    refuses(/%{hostnam} is unknown \(did you mean %{hostname}\?\)/) { setup("group.instance.id": "a-%{hostnam}") }
    ["a-${NOPE}", "a-%NOPE", "a-%{NOPE", "a b"].each do |template|
      refuses(/instance.id" is ".*", but must be 1 to 249 letters.*with the placeholders %{hostname}/) do
        setup("group.instance.id": template)
      end
    end
    id = Karafka::Setup::InstanceId
    expect { id.resolve("a-%{POD_NAM}", env: { "POD_NAME" => "x" }) }
      .to be_refused(/POD_NAM is not in the environment of this process \(did you mean %{POD_NAME}\?\)/)
    expect { id.resolve("a-%{HOSTNAME}", env: {}) }.to be_refused(/did you mean %{hostname}/)
    expect { id.resolve("a-%{NOPE}", env: {}) }.to be_refused(/NOPE is not in the environment of this process\.\z/)
  end
  # rubocop:enable Style/FormatStringToken
end
