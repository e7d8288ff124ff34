# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"
require_relative "../support/server_process"

# A server that is killed while several batches of one partition are out.
RSpec.describe "parallel and SIGKILL", deadline: 300 do
  include RealKafka

  let(:count) { 3_000 }

  # The message at 10 fails until there is the file `gate`, so nothing beyond it can be committed as an offset.
  def boot(topic)
    <<~RUBY
      require "karafka"
      class LaneConsumer < Karafka::BaseConsumer
        OUT = File.open(ENV.fetch("APP_OUTPUT"), "a").tap { |file| file.sync = true }
        def consume
          messages.each do |message|
            raise "not yet" if message.offset == 10 && !File.exist?(ENV.fetch("GATE"))
            sleep 0.001
            # The last one of each key is written when its commit is there, and with it all that is finished.
            last = message.offset >= #{count - 100}
            mark_as_consumed!(message) if last
            OUT.write("\#{message.key} \#{message.offset}\\n")
            mark_as_consumed(message) unless last
          end
        end
      end
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "#{cluster.bootstrap_servers}", "auto.commit.interval.ms": 50,
                         "session.timeout.ms": 6_000 }
        config.group_id = "#{group}"
        config.max_messages = 10
        config.pause.timeout = config.pause.max_timeout = 50
        config.logger = Logger.new($stdout, level: Logger::WARN)
      end
      Karafka::App.routes.draw { topic("#{topic}") { consumer(LaneConsumer) && parallel(by: :key, limit: 10) } }
    RUBY
  end

  it "does not run again what was finished and committed beyond the first unfinished message" do
    topic = cluster.create_topic
    producer.produce_many_sync(Array.new(count) { |number| { topic: topic, payload: "", key: (number % 100).to_s, partition: 0 } })
    gate = File.join(Dir.mktmpdir, "gate")
    processes = Array.new(2) { ServerProcess.new(boot(topic), "GATE" => gate) }
    first, second = processes
    first.start
    # Of 100 keys 99 go on to the end.
    wait_until("the other keys") { first.output.uniq.size >= (count * 0.99).floor }
    first.signal(:KILL)
    first.wait
    expect(cluster.committed(group)[[topic, 0]]).to eq(10)
    File.write(gate, "")
    second.start
    wait_until("the rest") { cluster.committed(group)[[topic, 0]] == count }
    # The last line comes after its commit.
    expected = (10...count).step(100).to_a
    second.wait_for_output { |lines| lines.size >= expected.size }
    expect(second.output.map { |line| Integer(line.split.last, 10) }).to eq(expected)
    second.signal(:TERM)
    expect(second.wait).to eq(0)
  ensure
    processes&.each(&:close)
    @producer&.close
  end
end
