# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::Routing::Selection do
  include ApplicationHelpers

  before do
    setup
    klass = consumer_class
    app.routes.draw do
      topic(:a) { consumer klass }
      topic(/\Ab/) { consumer klass }
      consumer_group(:other) { subscription_group(:slow) { topic(:c) { consumer klass } } }
    end
  end

  def left(**selected)
    selected.each do |kind, names|
      without = kind.to_s.delete_prefix!("not_")
      without ? selection.exclude(without.to_sym, names) : selection.include_only(kind, names)
    end
    selection.validate!(app.routes.topics)
    app.subscription_groups.values.flatten.flat_map(&:active_topics).map(&:name)
  end

  def selection = app.routes.selection

  it "leaves everything in without a selection" do
    expect(left).to eq(["a", "^b", "c"])
  end

  it("takes topics") { expect(left(topics: %w[c])).to eq(["c"]) }
  it("takes patterns by their source") { expect(left(topics: ["\\Ab"])).to eq(["^b"]) }
  it("takes consumer groups") { expect(left(consumer_groups: %w[other])).to eq(["c"]) }
  it("takes subscription groups by name and by id") { expect(left(subscription_groups: %w[slow app_0])).to eq(["a", "^b", "c"]) }
  it("leaves topics out") { expect(left(not_topics: %w[a])).to eq(["^b", "c"]) }
  it("combines") { expect(left(consumer_groups: %w[app], not_topics: %w[a])).to eq(["^b"]) }

  it "refuses names that no route has" do
    expect { left(topics: %w[cc]) }.to be_refused(/Unknown topic `cc`/)
    selection.clear
    expect { left(not_consumer_groups: %w[othr]) }.to be_refused(/Unknown consumer group `othr`. Did you mean `other`/)
  end

  it "refuses to leave nothing" do
    expect { left(topics: %w[c], consumer_groups: %w[app]) }.to be_refused(/Nothing is left to consume/)
  end
end
