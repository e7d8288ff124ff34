# frozen_string_literal: true

# Words that specs about configuration and routes share.
module ApplicationHelpers
  # `expect { … }.to be_refused(/why/)`
  def be_refused(message, &) = raise_error(Karafka::Errors::InvalidConfigurationError, message, &)

  # `expect { … }.to be_unsupported(/what/)`
  def be_unsupported(message) = raise_error(Karafka::Errors::UnsupportedFeatureError, message)

  def app = Karafka::App

  def setup(**kafka, &block)
    app.setup do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:9092", **kafka }
      block&.call(config)
    end
    app.config
  end

  # @return [Class] a consumer with a name, as error messages show it
  def consumer_class(name = "OrdersConsumer", base: Karafka::BaseConsumer, &body)
    klass = Class.new(base) { def consume; end }
    klass.class_eval(&body) if body
    stub_const(name, klass)
  end

  # Draws one topic and returns it.
  def topic(name = :orders, klass: consumer_class, &settings)
    app.routes.draw do
      topic(name) do
        consumer(klass)
        instance_eval(&settings) if settings
      end
    end
    app.routes.topics.last
  end
end
