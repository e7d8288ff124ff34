# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"

RSpec.describe Karafka::OwnFilters do
  include OneTopic

  # A filter that leaves out some offsets, and answers as given.
  def filter(*without, **answers)
    Class.new do
      define_method(:apply!) { |messages| messages.reject! { |message| without.include?(message.offset) } }
      answers.each { |name, value| define_method(name) { value } }
    end
  end

  def seek(offset) = Karafka::Messages::Seek.new("orders", 0, offset)

  # @return [Array(Array<Integer>, FakeLease)] offsets that `consume` had, and the lease as it was settled
  def processed(*filters, size: 4, **settings)
    seen = []
    klass = consumer { define_method(:consume) { seen << messages.map(&:offset) } }
    coordinator = Karafka::Coordinator.new(route(klass) do
      filters.each { |one| filter one }
      settings.each { |name, value| public_send(name, value) }
    end)
    lease = FakeLease.new(Array.new(size, "1"), **@lease.to_h)
    assignment = coordinator.fetch(lease)
    assignment.consume(lease)
    assignment.settle(lease)
    [seen.flatten, lease]
  end

  it "take messages out before consume; the batch is processed as a whole" do
    seen, lease = processed(filter(1), filter(3))
    expect(seen).to eq([0, 2])
    expect(lease.settled).to eq([:ack])
  end

  it "do not call consume where nothing is left" do
    seen, lease = processed(filter(0, 1, 2, 3))
    expect([seen, lease.settled]).to eq([[], [:ack]])
  end

  it "leave the batch as it is where they take nothing out" do
    batches = []
    klass = consumer { define_method(:consume) { batches << messages } }
    coordinator = Karafka::Coordinator.new(route(klass, &->(topic) { topic.filter(Class.new { def apply!(_) = nil }) }))
    coordinator.fetch(lease = FakeLease.new(%w[1 2])).consume(lease)
    expect(batches.first).not_to be_a(Karafka::Messages::Filtered)
  end

  it "are made for each partition: a class, a factory with topic and partition, an object" do
    made = []
    factory = lambda { |topic, partition|
      made << [topic.name, partition]
      filter(0).new
    }
    expect(processed(filter(1), factory, filter(2).new).first).to eq([3])
    expect(made).to eq([["orders", 0]])
  end

  it "say about the batch what is left of it" do
    about = nil
    klass = consumer { define_method(:consume) { about = messages.metadata } }
    dropping = filter(0, 3)
    coordinator = Karafka::Coordinator.new(route(klass) { filter dropping })
    coordinator.fetch(lease = FakeLease.new(%w[1 2 3 4])).consume(lease)
    expect(about).to have_attributes(size: 2, first_offset: 1, last_offset: 2)
  end

  it "refuse what is no filter, what makes none, and answers that are none, with words" do
    invalid = Karafka::Errors::InvalidConfigurationError
    fresh = lambda { |*given|
      Karafka::App.routes.clear
      processed(*given)
    }
    expect { processed(5) }.to raise_error(invalid, /topic orders filter is 5, but must be a class with apply!/)
    expect { fresh[-> { 5 }.then { |make| ->(*) { make.call } }] }.to raise_error(invalid, /filter is 5, .*made an object with apply!/)
    expect { fresh[filter(action: :stop)] }.to raise_error(invalid, /#action is :stop, but must be one of :skip, :pause, :seek/)
    expect { fresh[filter(action: :seek)] }.to raise_error(invalid, /#cursor is nil, but must be the message/)
  end

  it "are refused beside what needs the whole batch" do
    %i[parallel exactly_once].zip([{ by: :key }, true]).each do |name, value|
      Karafka::App.routes.clear
      dropping = filter(0)
      klass = consumer { nil }
      draw = lambda {
        route(klass) do
          filter dropping
          value.is_a?(Hash) ? public_send(name, **value) : public_send(name, value)
        end
      }
      expect(&draw).to raise_error(Karafka::Errors::InvalidConfigurationError, /cannot have both `filter` and `#{name}`/)
    end
  end

  it "of a group and of defaults come first" do
    order = []
    note = ->(name) { Class.new { define_method(:apply!) { |_| order << name } } }
    klass = consumer { nil }
    Karafka::App.config.kafka = { "bootstrap.servers": "127.0.0.1:9092" }
    Karafka::App.routes.draw do
      defaults { filter note["defaults"] }
      consumer_group(:a) do
        filter note["group"]
        topic(:orders) do
          consumer klass
          filter note["topic"]
        end
      end
    end
    Karafka::App.routes.subscription_groups
    routes = OneTopic::Routes.new(Karafka::App.routes.topics.first)
    Karafka::Coordinator.new(routes).fetch(lease = FakeLease.new(%w[1])).consume(lease)
    expect(order).to eq(%w[defaults group topic])
  end
end
