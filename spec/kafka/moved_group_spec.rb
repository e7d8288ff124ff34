# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/command_line"
require_relative "../support/real_kafka"
require_relative "../support/server_process"

# Both commands that move a group, while its members are there, while they are gone, and while Kafka still takes a killed one for a
# member. Whatever they answer, no message may be lost or skipped.
RSpec.describe "karafka groups seek and karafka replay --group", deadline: 400 do
  include CommandLine
  include RealKafka

  let(:topic) { cluster.create_topic(partitions: 2) }
  let(:at) { ["--brokers", cluster.bootstrap_servers] }

  after do
    @members&.each(&:close)
    @producer&.close
  end

  # A process that writes down each message, before it can be committed.
  def start_member(session_ms: 45_000)
    kafka = { "bootstrap.servers": cluster.bootstrap_servers, "session.timeout.ms": session_ms, "auto.commit.interval.ms": 100 }
    member = ServerProcess.new(<<~RUBY).start
      Karafka::App.setup { |config| config.kafka = #{kafka.inspect}; config.group_id = #{group.dump} }
      class Reader < Karafka::BaseConsumer
        def consume
          lines = messages.map { |message| "\#{message.partition} \#{message.offset}\\n" }
          File.write(ENV.fetch("APP_OUTPUT"), lines.join, mode: "a")
        end
      end
      Karafka::App.routes.draw { topic(#{topic.dump}) { consumer Reader } }
    RUBY
    (@members ||= []) << member
    member
  end

  def produce(count)
    producer.produce_many_sync(Array.new(count * 2) { |number| { topic: topic, partition: number % 2, payload: "x" } })
  end

  def offsets = cluster.committed(group).to_h { |(_, partition), offset| [partition, offset] }
  def wait_for_commit(offset) = wait_until("the commit of #{offset}", seconds: 120) { offsets == { 0 => offset, 1 => offset } }

  # @return [Hash{Integer=>Array<Integer>}] offsets by partition, in the order in which they were processed
  def processed(member)
    member.output.map { |line| line.split.map(&:to_i) }.group_by(&:first).transform_values { |rows| rows.map(&:last) }
  end

  def stop(member)
    member.signal(:TERM)
    expect(member.wait).to eq(0)
    wait_until("the member to have left") { Karafka::Admin.new(kafka: settings).consumer_groups.describe(group).first.members.empty? }
  end

  def settings = { "bootstrap.servers": cluster.bootstrap_servers }
  def both(range) = { 0 => range.to_a, 1 => range.to_a }

  # Each command that moves the group there.
  def moves(place)
    [["groups", "seek", group, "--topic", topic, "--to", place, *at], ["replay", topic, "--group", group, "--from", place, *at]]
  end

  # The session of a killed member does not wait for one command after the other.
  def at_once(commands) = commands.map { |command| Thread.new { yield command } }.map(&:value)

  it "are refused while a member works or waits for messages, which then goes on where it was" do
    produce(200)
    member = start_member
    refused = /group #{group} has 1 member, .*Stop it first\. .* for up to 45 s; .* --wait 45 /
    wait_until("some messages", seconds: 120) { member.output.any? }
    %w[earliest latest].each { |place| moves(place).each { |command| fail_in_one_line(*command, with: refused) } }
    wait_for_commit(200)
    %w[earliest latest].each { |place| moves(place).each { |command| fail_in_one_line(*command, with: refused) } }
    expect(karafka(*moves("earliest").first, "--wait", "1").to_a)
      .to match([1, "", /\A.*Waiting 1 s at most until group #{group} has no members\nkarafka: #{refused}.*\n\z/])

    produce(50)
    wait_for_commit(250)
    stop(member)
    expect(processed(member)).to eq(both(0...250))
  end

  it "move a group without members to the very message, from which the next member goes on" do
    produce(100)
    stop(start_member.tap { wait_for_commit(100) })
    moves("40").zip([10, 20]).each_with_index do |(command, more), round|
      expect(karafka(*command).to_a).to match([0, /2 partitions of #{group} moved/, ""])
      expect(offsets).to eq(0 => 40, 1 => 40)
      produce(more)
      final = 100 + [10, 30][round]
      member = start_member
      wait_for_commit(final)
      stop(member)
      expect(processed(member)).to eq(both(40...final))
    end
  end

  it "wait for the session of a killed member on request, and are refused with its seconds till then" do
    application(%(Karafka::App.config.kafka = Karafka::App.config.kafka.to_h.merge("session.timeout.ms": 25_000)))
    produce(100)
    killed = start_member(session_ms: 25_000)
    wait_until("some messages", seconds: 120) { killed.output.size > 20 }
    killed.signal(:KILL)
    killed.wait
    # Further than the killed one can have committed.
    produce(10)
    refused = /group #{group} has 1 member, .* for up to 25 s; .* --wait 25 /
    at_once(moves("latest")) { |command| fail_in_one_line(*command, with: refused) }
    expect(offsets.values).to all(be <= 100)

    waited = at_once(moves("30")) { |command| karafka(*command, "--wait", "120").to_a }
    expect(waited).to all(match([0, /2 partitions of #{group} moved/, /Waiting 120 s at most until group #{group} has no members/]))
    expect(offsets).to eq(0 => 30, 1 => 30)
    member = start_member
    wait_for_commit(110)
    stop(member)
    expect(processed(member)).to eq(both(30...110))
  end
end
