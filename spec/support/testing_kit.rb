# frozen_string_literal: true

require "karafka/testing/rspec/helpers"

# Other specs of this process look at real producers.
Karafka::Testing::Buffering.off!

# The testing kit as an application's specs have it, and an application.
module TestingKit
  def self.included(group)
    group.around do |example|
      Karafka::Testing::Buffering.on!
      example.run
    ensure
      Karafka::Testing::Buffering.off!
    end
    group.include(Karafka::Testing::RSpec::Helpers)
  end

  # @return [Class] a consumer with that `consume`
  def consumer_class(name = "OrdersConsumer", &)
    klass = Class.new(Karafka::BaseConsumer, &)
    klass.class_eval { def consume = nil } unless klass.method_defined?(:consume, false)
    stub_const(name, klass)
  end

  # Nobody listens at that address.
  def application(kafka = {}, &)
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:1", **kafka }
      config.logger = Logger.new(nil)
    end
    Karafka::App.routes.draw(&)
  end

  # One topic.
  def orders(klass = consumer_class, name: :orders, &settings)
    application do
      topic(name) do
        consumer(klass)
        instance_eval(&settings) if settings
      end
    end
  end
end
