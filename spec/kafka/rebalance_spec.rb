# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"
require_relative "../support/server_process"

# Members of one group that come and go while messages come in, each a `karafka server` of its own.
RSpec.describe "members joining and leaving under load", deadline: 400 do
  include RealKafka

  let(:count) { 20_000 }
  let(:partitions) { 6 }

  def boot(topic, strategy)
    <<~RUBY
      require "karafka"
      class LoadConsumer < Karafka::BaseConsumer
        OUT = File.open(ENV.fetch("APP_OUTPUT"), "a").tap { |file| file.sync = true }
        def consume
          # Written before it is acknowledged: what is committed must be in the file.
          OUT.write(messages.map { |message| "\#{message.partition} \#{message.offset}\\n" }.join)
          sleep 0.002
        end
      end
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "#{cluster.bootstrap_servers}", "auto.commit.interval.ms": 50,
                         "session.timeout.ms": 30_000, "heartbeat.interval.ms": 200, "partition.assignment.strategy": "#{strategy}" }
        config.group_id = "#{group}"
        config.concurrency = 3
        config.max_messages = 20
        config.logger = Logger.new($stdout, level: Logger::WARN)
      end
      Karafka::App.routes.draw { topic("#{topic}") { consumer LoadConsumer } }
      Karafka.monitor.subscribe("rebalance.partitions_assigned") { $stdout.write("assigned\\n") && $stdout.flush }
    RUBY
  end

  def processed(members)
    members.flat_map(&:output).map { |line| line.split.map { |text| Integer(text, 10) } }
  end

  %w[range cooperative-sticky].each do |strategy|
    it "processes every message at least once and commits none before, with #{strategy}" do
      topic = cluster.create_topic(partitions: partitions)
      random = Random.new(seed = RSpec.configuration.seed)
      members = []
      begin
        start = -> { members << ServerProcess.new(boot(topic, strategy)).start }
        2.times { start.call }
        wait_until("the first two to be there") { members.all? { |member| member.log.include?("assigned") } }
        count.times.each_slice(1_000) do |slice|
          producer.produce_many_sync(slice.map { |index| { topic: topic, payload: index.to_s, partition: index % partitions } })
          case random.rand(3)
          when 0 then start.call if members.count { |member| member.status.nil? } < 4
          when 1
            # Only those that work already: others have no traps yet.
            leaving = members.select { |member| member.status.nil? && !member.output.empty? }
            if leaving.size > 1
              member = leaving.sample(random: random)
              member.signal(:TERM)
              expect(member.wait).to eq(0), "seed #{seed}: #{member.log}"
            end
          end
        end
        wait_until("all messages (seed #{seed})", seconds: 200) { processed(members).uniq.size == count }
        left = members.select { |member| member.status.nil? }
        # The last one may have just been started, and has no traps before it works.
        wait_until("the last one to be there") { left.all? { |member| member.log.include?("assigned") } }
        left.each { |member| member.signal(:TERM) }
        expect(members.map(&:wait)).to all(eq(0)), "seed #{seed}: #{members.map(&:log).join("\n")}"

        all = processed(members)
        ends = cluster.watermarks(topic).transform_values(&:last)
        expect(cluster.committed(group)).to eq(ends.transform_keys { |partition| [topic, partition] })
        expect(all.uniq.size).to eq(count)
        # Everyone left in good order, so nothing had to be done twice.
        expect(all.size - all.uniq.size).to be <= count / 100
      ensure
        members.each(&:close)
        producer.close
      end
    end
  end
end
