# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/administration"
require_relative "../support/real_kafka"
require_relative "../support/server_process"

RSpec.describe Karafka::Admin::ConsumerGroups, deadline: 240 do
  include RealKafka
  include Administration

  let(:admin) { Karafka::Admin }

  after do
    @member&.close
    stop_application
    close_producer
  end

  def offsets_of(id) = cluster.committed(id).transform_values { |offset| offset }

  # A process of its own that consumes the topic, once the group knows of its partition.
  def start_member(topic, kafka = {})
    settings = { "bootstrap.servers": cluster.bootstrap_servers, **kafka }
    @member = ServerProcess.new(<<~RUBY).start
      Karafka::App.setup { |config| config.kafka = #{settings.inspect}; config.group_id = #{group.dump} }
      class Reader < Karafka::BaseConsumer
        def consume; end
      end
      Karafka.monitor.subscribe("rebalance.partitions_revoked") { File.write(ENV.fetch("APP_OUTPUT"), "revoked\\n", mode: "a") }
      Karafka::App.routes.draw { topic(#{topic.dump}) { consumer Reader } }
    RUBY
    wait_until("the member's partition") { described_class.describe(group).first.members.any? { |member| member.assignment.any? } }
  end

  describe "without members" do
    before { set_up }

    it "is moved to offsets, times, the beginning and the end" do
      name = topic_with(*%w[a b c], partitions: 2)
      expect(admin.seek_consumer_group(group, { name => { 0 => 2 } })).to eq(name => { 0 => 2 })
      expect(cluster.committed(group)).to eq([name, 0] => 2)
      expect(admin.seek_consumer_group(group, name => :latest)).to eq(name => { 0 => 3, 1 => 0 })
      expect(admin.seek_consumer_group(group, { name => "earliest" })).to eq(name => { 0 => 0, 1 => 0 })
      expect(admin.seek_consumer_group(group, { name => Time.now - 3_600 })).to eq(name => { 0 => 0, 1 => 0 })
      expect(admin.seek_consumer_group(group, { name => { 0 => Time.now + 3_600 } })).to eq(name => { 0 => 3 })
      expect(admin.seek_consumer_group(group, { name => 1 })).to eq(name => { 0 => 1, 1 => 1 })
      expect(cluster.committed(group)).to eq([name, 0] => 1, [name, 1] => 1)
    end

    it "stays where it is with dry_run, and where the topic or the partition is missing" do
      name = topic_with("a")
      expect(admin.seek_consumer_group(group, { name => :latest }, dry_run: true)).to eq(name => { 0 => 1 })
      expect { admin.seek_consumer_group(group, { unused_name => 0 }) }.to fail_with(:unknown_topic_or_part)
      expect { admin.seek_consumer_group(group, { name => { 0 => 0, 5 => 0 } }) }.to fail_with(:unknown_partition, /topic_info/)
      expect(cluster.committed(group)).to eq({})
    end

    it "is refused wrong targets before any broker is asked" do
      ["soon", -1, nil, 1.5, { 0 => "soon" }, { -1 => 0 }].each do |target|
        expect { admin.seek_consumer_group(group, { "orders" => target }) }.to raise_error(Karafka::Errors::InvalidConfigurationError)
      end
      expect { admin.seek_consumer_group(group, {}) }.to raise_error(Karafka::Errors::InvalidConfigurationError, /Hash of topics/)
    end

    it "is copied and renamed with its offsets, and deleted" do
      first, second = Array.new(2) { topic_with("a", "b") }
      admin.seek_consumer_group(group, { first => 1, second => 2 })
      copy, renamed = Array.new(2) { unused_name("group") }
      expect(admin.copy_consumer_group(group, copy, [first])).to be(true)
      expect(cluster.committed(copy)).to eq([first, 0] => 1)
      expect(admin.copy_consumer_group(unused_name("group"), copy, [first])).to be(false)
      expect(admin.rename_consumer_group(group, renamed, [first, second])).to be(true)
      expect([cluster.committed(renamed), cluster.committed(group)]).to eq([{ [first, 0] => 1, [second, 0] => 2 }, {}])
      expect(admin.delete_consumer_group(renamed)).to be(true)
      expect(cluster.committed(renamed)).to eq({})
      expect { admin.delete_consumer_group(renamed) }.to fail_with(:group_id_not_found, /ConsumerGroups\.list/)
    end

    it "forgets single offsets" do
      name = topic_with("a", partitions: 2)
      admin.seek_consumer_group(group, { name => :latest })
      expect(described_class.delete_offsets(group, { name => [0] })).to be(true)
      expect(described_class.committed_offsets(group).map(&:to_h)).to match([include(topic: name, partition: 1, offset: 0)])
    end

    it "is in the list, and one that does not exist is dead" do
      name = topic_with("a")
      admin.seek_consumer_group(group, { name => 0 })
      expect(described_class.list.find { |found| found.id == group }).to have_attributes(state: :empty, type: :classic)
      expect(described_class.describe(unused_name("group")).first).to have_attributes(state: :dead, members: [], active?: false)
    end

    it "has the lag of each partition, -1 where it has committed nothing" do
      name = topic_with(*%w[a b c], partitions: 2)
      admin.seek_consumer_group(group, { name => { 0 => 1 } })
      lag = { 0 => { offset: 1, lag: 2 }, 1 => { offset: -1, lag: -1 } }
      expect(admin.read_lags_with_offsets({ group => [name] })).to eq(group => { name => lag })
      expect(admin.read_lags_with_offsets({ group => [] })).to eq(group => { name => lag.slice(0) })
      expect(admin.read_lags_with_offsets({ unused_name("group") => [] }).values).to eq([{}])
      expect(admin.read_lags_with_offsets).to eq({})
    end

    it "reads the lags of the routes" do
      name = topic_with("a")
      id = group
      Karafka::App.routes.draw do
        consumer_group(id) do
          topic(name) { consumer Class.new(Karafka::BaseConsumer) { def consume; end } }
          topic("#{name}-off") { active false }
        end
      end
      expect(admin.read_lags_with_offsets).to eq(group => { name => { 0 => { offset: -1, lag: -1 } } })
      expect(admin.read_lags_with_offsets(active_topics_only: false).fetch(group).keys).to contain_exactly(name, "#{name}-off")
    end

    it "reads 1,000 partitions of 20 groups at once while another thread runs" do
      name = cluster.create_topic(partitions: 1_000)
      groups = Array.new(20) { unused_name("group") }
      groups.each { |id| admin.seek_consumer_group(id, { name => 0 }) }
      turns = 0
      counting = Thread.new do
        loop do
          turns += 1
          sleep(0.001)
        end
      end
      before = turns
      lags = nil
      seconds = shortest(5) do
        started = Karafka::Clock.now
        lags = admin.read_lags_with_offsets(groups.to_h { |id| [id, [name]] })
        Karafka::Clock.now - started
      end
      ran = turns - before
      RSpec.configuration.reporter.message("20 groups x 1,000 partitions: #{(seconds * 1_000).round} ms, another thread ran #{ran} times")
      expect(lags.values.map { |topics| topics.fetch(name).values.uniq }).to all(eq([{ offset: 0, lag: 0 }]))
      expect(ran).to be > 10
      expect(seconds).to be < 5
    ensure
      counting&.kill
      admin.delete_topic(name)
    end
  end

  describe "with members" do
    it "is described with them, and neither moved, copied over, renamed nor deleted" do
      set_up
      name = topic_with("a")
      admin.seek_consumer_group(unused = unused_name("group"), { name => 1 })
      start_member(name)
      found = described_class.describe(group).first
      expect(found).to have_attributes(state: :stable, type: :classic, active?: true)
      expect(found.members.first).to have_attributes(client_id: "karafka", host: "127.0.0.1", assignment: { name => [0] })
      refused = raise_error(Karafka::Errors::ActiveGroupError, /\Agroup #{group} has 1 member.*karafka at 127\.0\.0\.1 \(#{name} 0\).*45 s/)
      expect { admin.seek_consumer_group(group, { name => 0 }) }.to refused
      expect { admin.copy_consumer_group(unused, group, [name]) }.to refused
      expect { admin.rename_consumer_group(group, unused, [name]) }.to refused
      expect { admin.delete_consumer_group(group) }.to refused
    end

    it "is moved once the session of a member that was killed has ended, if it may wait" do
      set_up("session.timeout.ms": 3_000)
      name = topic_with("a", "b")
      start_member(name, "session.timeout.ms": 3_000)
      wait_until("the commit") { cluster.committed(group) == { [name, 0] => 2 } }
      @member.signal(:KILL)
      expect { admin.seek_consumer_group(group, { name => 0 }) }.to raise_error(Karafka::Errors::ActiveGroupError) { |error|
        expect([error.code, error.seconds, error.group.members.size]).to eq([:non_empty_group, 3, 1])
      }
      expect(admin.seek_consumer_group(group, { name => 0 }, wait: 30)).to eq(name => { 0 => 0 })
      expect(cluster.committed(group)).to eq([name, 0] => 0)
    end

    %w[classic consumer].each do |protocol|
      it "shares its partitions anew when that is asked for (#{protocol})" do
        set_up
        name = topic_with("a", partitions: 2)
        expect(described_class.trigger_rebalance(group)).to be(false)
        start_member(name, "group.protocol": protocol)
        expect(admin.trigger_rebalance(group)).to be(true)
        wait_until("the member alone with both partitions") do
          members = described_class.describe(group).first.members
          members.size == 1 && members.first.assignment == { name => [0, 1] }
        end
        wait_until("the member to have given a partition up") { @member.output.include?("revoked") }
      end
    end

    it "is refused with the session that the brokers set (KIP-848)" do
      set_up
      name = topic_with("a")
      start_member(name, "group.protocol": "consumer")
      expect(described_class.describe(group).first).to have_attributes(type: :consumer)
      expect { admin.seek_consumer_group(group, { name => 0 }) }.to raise_error(Karafka::Errors::ActiveGroupError, /for up to 45 s/)
    end
  end

  it "says that brokers cannot be reached, for each kind of question" do
    Karafka::App.config.admin.max_wait_time = 500
    groups = Karafka::Admin.new(kafka: { "bootstrap.servers": "127.0.0.1:1" }).consumer_groups
    expect { groups.list }.to fail_with(:timed_out, /listing groups: no answer within .*Connection refused/)
    expect { groups.seek(group, { "orders" => 0 }) }.to fail_with(:timed_out, /moving a group: .*Connection refused/)
    expect { groups.read_lags_with_offsets({ group => [] }) }.to fail_with(:timed_out, /reading lags: .*Connection refused/)
  end
end
