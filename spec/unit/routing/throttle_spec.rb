# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::Routing::Throttle do
  include ApplicationHelpers

  it "belongs to a topic; in a group to all of its topics together; in the defaults to each by itself" do
    klass = consumer_class
    setup
    app.routes.draw do
      defaults { throttle limit: 10, interval: 1_000 }
      consumer_group :billing do
        throttle limit: 100
        topic(:a) { consumer klass }
        topic(:b) do
          consumer klass
          throttle limit: 7
        end
      end
    end
    config = Karafka::Engine::Config.new.to_h
    expect(config[:throttles]).to eq([{ limit: 10, interval_ms: 1_000 }, { limit: 100, interval_ms: 60_000 },
                                      { limit: 7, interval_ms: 60_000 }])
    expect(config.dig(:groups, 0, :topics).map { |topic| topic.dig(:selection, :throttles) }).to eq([[0, 1], [2, 1]])
  end

  it "reaches the engine when it is changed" do
    klass = consumer_class
    setup
    app.routes.draw do
      topic(:a) do
        consumer klass
        throttle limit: 10
      end
    end
    calls = []
    engine = Object.new
    engine.define_singleton_method(:set_throttle) { |*call| calls << call }
    Karafka::Engine::Config.new.attach(engine)
    throttle = app.routes.topics.first.throttle
    throttle.limit = 20
    throttle.change(limit: 5, interval: 1_000)
    expect { throttle.limit = 0 }.to raise_error(Karafka::Errors::InvalidConfigurationError, /topic a throttle limit is 0/)
    expect(calls).to eq([[0, 10, 60_000], [0, 20, 60_000], [0, 5, 1_000]])
    expect(throttle.to_h).to eq(limit: 5, interval: 1_000)
  end

  it "is refused with what it does not know, and without a limit" do
    topic = Karafka::Routing::Layer.new("topic orders", Karafka::Routing::ConfigDefaults)
    { { limt: 1 } => /limt.*limit/m, { interval: 5 } => /limit/, { limit: 1.5 } => /limit is 1.5/,
      { limit: 1, interval: 0 } => /interval is 0/ }
      .each do |given, text|
      expect { topic.throttle(**given) }.to raise_error(Karafka::Errors::InvalidConfigurationError, text)
    end
    klass = consumer_class
    setup
    [proc { topic(:b) { throttle 5 } }, proc { subscription_group(:s, throttle: 5) { topic(:b) { consumer klass } } }].each do |routes|
      expect { app.routes.draw(&routes) }.to be_refused(/throttle is 5, but must be given as limit:/)
    end
    expect { app.routes.draw { subscription_group(:s, only: 5) { topic(:b) { consumer klass } } } }.to be_refused(/only is 5, but must be/)
  end
end
