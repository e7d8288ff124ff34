# frozen_string_literal: true

# The testing kit under Minitest: run in a process of its own by spec/unit/testing/minitest_spec.rb.

$LOAD_PATH.unshift(File.expand_path("../../lib", __dir__))
require "minitest/autorun"
require "minitest/spec"
require "karafka/testing/minitest/helpers"

class OrdersConsumer < Karafka::BaseConsumer
  def consume
    messages.each do |message|
      raise KeyError, "no id" unless message.payload.key?("id")

      produce_async(topic: "receipts", payload: message.raw_payload, key: message.key)
      mark_as_consumed(message)
    end
  end
end

Karafka::App.setup do |config|
  config.kafka = { "bootstrap.servers": "127.0.0.1:1" }
  config.logger = Logger.new(nil)
end
Karafka::App.routes.draw do
  consumer_group(:billing) do
    topic(:orders) do
      consumer OrdersConsumer
      dead_letter_queue topic: "dead", max_retries: 0
    end
  end
  consumer_group(:mails) { topic(:events) { consumer OrdersConsumer } }
  consumer_group(:audit) { topic(:events) { consumer OrdersConsumer } }
end

class KitTest < Minitest::Test
  include Karafka::Testing::Minitest::Helpers
  parallelize_me!

  def setup
    @consumer = @karafka.consumer_for(:orders)
    @karafka.produce('{"id":1}', key: "a")
  end

  def test_delivers_and_processes
    @consumer.consume
    assert_equal([{ "id" => 1 }], @consumer.messages.payloads)
    assert_produced("receipts", key: "a", payload: { id: 1 }, times: 1)
    assert_marked(@consumer, 0)
    refute_dead_lettered(@consumer)
  end

  def test_marks_nothing_by_itself
    refute_marked(@consumer)
    refute_produced("receipts")
  end

  def test_runs_by_the_rules_of_a_server
    @karafka.produce("{}")
    run = @karafka.run(@consumer)
    assert_equal([[0, 1]], run.batches)
    assert_dead_lettered(@consumer, 1, error: KeyError)
    refute_dead_lettered(@consumer, 0)
  end

  def test_counts_what_a_block_sends
    sent = assert_produced("receipts", times: 1) { @consumer.consume }
    assert_equal("a", sent.first[:key])
    refute_produced { nil }
  end

  def test_uses_the_instance_variable
    @karafka.consumer_for(:events, :mails)
    @karafka.produce('{"id":2}')
    assert_equal(2, @consumer.messages.size)
  end

  def test_says_what_there_was_instead
    error = assert_raises(Minitest::Assertion) { assert_produced("other") }
    assert_includes(error.message, "these were sent")
    error = assert_raises(Minitest::Assertion) { assert_marked(@consumer, 0) }
    assert_includes(error.message, "nothing was marked")
  end

  def test_wants_to_know_the_group
    assert_raises(Karafka::Testing::Errors::TopicInManyConsumerGroupsError) { @karafka.consumer_for(:events) }
    assert_equal("audit", @karafka.consumer_for(:events, consumer_group: :audit).topic.consumer_group.name)
  end

  20.times do |number|
    define_method(:"test_beside_others_#{number}") do
      @karafka.produce(%({"id":#{number}}))
      @consumer.consume
      assert_equal(["a", nil], @karafka.produced_messages.select { |one| one[:topic] == "receipts" }.map { |one| one[:key] })
      assert_equal([1, number], @consumer.messages.payloads.map { |one| one["id"] })
    end
  end
end

class OfAnotherClassTest < Minitest::Test
  include Karafka::Testing::Minitest::Helpers

  def test_begins_with_nothing
    assert_empty(@karafka.produced_messages)
    assert_raises(Karafka::Testing::Errors::TopicNotFoundError) { @karafka.produce("1") }
  end
end

describe "Minitest::Spec" do
  include Karafka::Testing::Minitest::Helpers

  before { @consumer = @karafka.consumer_for(:orders) }

  it "has it, too" do
    @karafka.produce('{"id":1}')
    @consumer.consume
    assert_produced(:receipts)
  end
end

Minitest.after_run do
  leftover = Thread.list - [Thread.main]
  # Minitest's own threads of parallel tests have ended by then.
  puts "threads: #{leftover.count(&:alive?)}"
end
