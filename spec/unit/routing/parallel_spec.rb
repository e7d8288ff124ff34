# frozen_string_literal: true

require "spec_helper"
require "support/application"

RSpec.describe "parallel in the routes" do
  include ApplicationHelpers

  before { setup { |config| config.concurrency = 4 } }

  it "is one batch of a partition at a time unless something else is said" do
    expect(topic.parallel).to be_nil
    expect(topic(:b) { parallel by: :partition }.parallel).to be_nil
    expect(topic(:c) { parallel by: "key", limit: 50 }.parallel.to_h).to eq(by: "key", limit: 50)
    expect(topic(:d) { parallel by: :none }.parallel.to_h).to eq(by: "none", limit: 4)
    expect(topic(:e) { parallel by: ->(message) { message.key }, limit: 1_000 }.parallel.to_h).to eq(by: "host", limit: 1_000)
  end

  it "comes from defaults and groups, and a topic can go back" do
    klass = consumer_class
    app.routes.draw do
      defaults { parallel by: :key, limit: 7 }
      topic(:a) { consumer klass }
      topic(:b) { consumer(klass) && parallel(by: :partition) }
      subscription_group(:s, parallel: { by: :none, limit: 2 }) { topic(:c) { consumer klass } }
    end
    expect(app.routes.topics.map { |topic| topic.parallel&.limit }).to eq([7, nil, 2])
    expect(Karafka::Engine::Config.new.concurrency).to eq(7)
  end

  it "makes no fewer workers than `concurrency`" do
    topic { parallel by: :key, limit: 2 }
    expect(Karafka::Engine::Config.new.concurrency).to eq(4)
  end

  it "has what its block raises reported, whatever it is but the end of the process" do
    message = Struct.new(:raw_key).new("k")
    raising = ->(error) { topic("t#{error}".tr(":", "")) { parallel(by: ->(_) { raise error }) }.parallel }
    told = []
    expect(raising.call(Exception).keys([message]) { |error| told << error.class }).to eq([message.raw_key.hash & ((2**62) - 1)])
    expect(told).to eq([Exception])
    expect { raising.call(SystemExit).keys([message]) { nil } }.to raise_error(SystemExit)
  end

  it "takes Karafka's name for it" do
    partitioner = ->(message) { message.payload["user_id"] }
    expect(topic { virtual_partitions partitioner: partitioner, max_partitions: 9 }.parallel.to_h).to eq(by: "host", limit: 9)
    expect { topic(:b) { virtual_partitions partitioner: partitioner, offset_metadata_strategy: :exact } }
      .to be_unsupported(/offset_metadata_strategy :exact/)
    reduced = topic(:d) { virtual_partitions partitioner: :next.to_proc, reducer: ->(key) { key % 3 }, distribution: :balanced }.parallel
    expect(reduced.keys([0]) { |error| raise error }).to eq([1.hash & ((2**62) - 1)])
    expect { topic(:e) { virtual_partitions partitioner: partitioner, distribution: :consistent } }.to be_unsupported(/It is :balanced/)
    expect { topic(:c) { virtual_partitions partitioner: 1 } }.to be_refused(/topic c virtual_partitions partitioner is 1/)
  end

  it "refuses what makes no sense" do
    { { by: "\xFF" } => /topic orders parallel by is "\\xFF", but must be one of/,
      { by: :keys } => /topic orders parallel by is :keys, but must be one of :partition, :key, :none.*did you mean :key/,
      { by: 1 } => /parallel by is 1/, { by: nil } => /parallel by is nil/, { limit: 3 } => /parallel by is nil.*such as by: :key/,
      { by: :key, limit: 0 } => /parallel limit is 0, but must be an Integer from 1 to 1000/, { by: :key, limit: 1_001 } => /1001/,
      { by: :key, limit: "5" } => /"5"/, { by: :partition, limit: 5 } => /limit is 5, but must be left out with by: :partition/ }
      .each { |given, message| expect { topic { parallel(**given) } }.to be_refused(message) }
  end

  it "gives what a block says as numbers; a message for which it raises goes with its key" do
    message = Struct.new(:payload, :raw_key)
    parallel = Karafka::Routing::Parallel.build("x", ->(one) { one.payload&.fetch(:id) }, 2)
    errors = []
    messages = [message.new({ id: "a" }), message.new({ id: "a" }), message.new(nil), message.new({}, "k"), message.new({}, "k"),
                message.new({ id: 2**70 })]
    keys = parallel.keys(messages) { |error| errors << error }
    expect(keys[0]).to eq(keys[1])
    expect(keys[2]).to be_nil
    expect(keys[3]).to eq(keys[4])
    expect(keys.compact).to all(be_between(0, 2**62))
    expect(errors.map(&:class)).to eq([KeyError, KeyError])
  end

  it "says how offset metadata is read" do
    expect(topic.offset_metadata.to_a.first).to be(true)
    own = topic(:b) { offset_metadata cache: false, deserializer: ->(text) { text.upcase } }.offset_metadata
    expect([own.cache, own.deserializer.call("x")]).to eq([false, "X"])
    expect { topic(:c) { offset_metadata cache: 1 } }.to be_refused(/topic c offset_metadata cache is 1/)
    expect { topic(:d) { offset_metadata deserializer: 1 } }.to be_refused(/deserializer is 1/)
  end
end
