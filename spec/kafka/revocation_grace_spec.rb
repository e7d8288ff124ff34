# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"
require_relative "../support/server_process"

# Another member comes while a batch runs that takes 12 seconds.
RSpec.describe "a long batch during a rebalance", deadline: 240 do
  include RealKafka

  after do
    @members&.each(&:close)
    producer.close
  end

  def boot(topic, strategy)
    <<~RUBY
      require "karafka"
      class SlowConsumer < Karafka::BaseConsumer
        def consume
          out("begin") if slow?
          sleep 12 if slow?
          messages.each { |message| out("\#{message.partition}/\#{message.offset} \#{Process.clock_gettime(Process::CLOCK_MONOTONIC)}") }
        end

        private

        def slow? = messages.first.offset.zero? && partition.zero?
        def out(text) = File.write(ENV.fetch("APP_OUTPUT"), "\#{text}\\n", mode: "a")
      end
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "#{cluster.bootstrap_servers}", "partition.assignment.strategy": "#{strategy}" }
        config.group_id = "#{group}"
        config.concurrency = 4
        config.max_messages = 10
      end
      Karafka::App.routes.draw { topic("#{topic}") { consumer SlowConsumer } }
      Karafka.monitor.subscribe("rebalance.partitions_assigned") { $stdout.write("assigned\\n") && $stdout.flush }
    RUBY
  end

  def member(...) = ServerProcess.new(boot(...)).start.tap { |made| (@members ||= []) << made }

  def produce(topic, offsets)
    messages = offsets.flat_map { |offset| [0, 1, 2, 3].map { |partition| { topic: topic, partition: partition, payload: offset.to_s } } }
    producer.produce_many_sync(messages)
  end

  # @return [Array<String>] longest times without a message, seconds, of the partitions beside the slow one
  def standstills(lines)
    times = lines.map { |line| line.split(%r{[/ ]}) }.group_by(&:first).transform_values { |rows| rows.map { |row| row.last.to_f }.sort }
    times.except("0").sort.map { |partition, at| "#{partition}: #{at.each_cons(2).map { |one, other| other - one }.max.round(1)}" }
  end

  %w[range cooperative-sticky].each do |strategy|
    it "runs once with #{strategy}" do
      topic = cluster.create_topic(partitions: 4)
      produce(topic, 0...5)
      first = member(topic, strategy)
      first.wait_for_output { |lines| lines.include?("begin") }
      second = member(topic, strategy)
      wait_until("the new member's partitions") do
        produce(topic, [5])
        sleep 0.1 # the rate of the messages
        second.output.any?
      end
      @members.each { |one| one.signal(:TERM) }
      expect(@members.map(&:wait)).to all(eq(0))
      lines = @members.flat_map(&:output) - ["begin"]
      found = standstills(lines).join(", ")
      RSpec.configuration.reporter.message("#{strategy}: partitions beside the slow one stood still for (s) #{found}")
      done = lines.map { |line| line.split.first }
      expect(done.tally.select { |_, times| times > 1 }).to be_empty
      expect(done).to include("0/0", "0/4")
      expect(@members.flat_map(&:output).count("begin")).to eq(1)
    end
  end
end
