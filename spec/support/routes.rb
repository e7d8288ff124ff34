# frozen_string_literal: true

# Routes of one topic for specs that do not start an engine.
module OneTopic
  Routes = Struct.new(:one) do
    def topic(_group, _topic) = one
  end

  # @return [Class] a consumer with what the block defines; its `consume` does nothing unless that is defined, too
  def consumer(&)
    klass = Class.new(Karafka::BaseConsumer, &)
    klass.class_eval { def consume = nil } unless klass.method_defined?(:consume, false)
    klass
  end

  # @return [#topic] as Karafka::Engine::Config
  def route(consumer, name: :orders, &settings)
    Karafka::App.config.kafka = { "bootstrap.servers": "127.0.0.1:9092" }
    Karafka::App.routes.draw do
      topic(name) do
        consumer(consumer)
        instance_eval(&settings) if settings
      end
    end
    Karafka::App.routes.subscription_groups
    Routes.new(Karafka::App.routes.topics.first)
  end
end
