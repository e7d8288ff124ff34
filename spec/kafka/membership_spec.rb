# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/real_kafka"
require_relative "../support/server_process"

# Processes as members of groups: stuck ones, static ones, buffering ones.
RSpec.describe "a member of a group", deadline: 300 do
  include RealKafka

  after do
    Array(@servers).each(&:close)
    producer.close
  end

  # A `karafka server` whose consumer has that body.
  def serve(topic, body, kafka: {}, setup: "", route: "")
    (@servers ||= []) << ServerProcess.new(<<~RUBY).start
      require "karafka"
      $stdout.sync = true
      class MemberConsumer < Karafka::BaseConsumer
        OUT = File.open(ENV.fetch("APP_OUTPUT"), "a").tap { |file| file.sync = true }
        #{body}
      end
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "#{cluster.bootstrap_servers}", "auto.commit.interval.ms": 50, "heartbeat.interval.ms": 200,
                         **#{{ "session.timeout.ms": 6_000, **kafka }.inspect} }
        config.group_id = "#{group}"
        #{setup}
      end
      Karafka::App.routes.draw do
        topic("#{topic}") do
          consumer MemberConsumer
          #{route}
        end
      end
      Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new(log_polling: false))
    RUBY
    @servers.last
  end

  def send_to(topic, *payloads)
    producer.produce_many_sync(payloads.map { |payload| { topic: topic, payload: payload.to_s, partition: 0 } })
  end

  it "with a batch that does not end says where its code is, hands its partitions over, and comes back when it ends" do
    topic = cluster.create_topic(partitions: 2)
    send_to(topic, 1)
    stuck = serve(topic, <<~RUBY, setup: "config.stuck_report_after = 1_000", route: "long_running_limit 2_000")
      def consume
        OUT.write("began\\n")
        hang
        OUT.write("ended \#{mark_as_consumed(messages.last)}\\n")
      end

      def hang
        sleep 0.05 until File.exist?(ENV.fetch("APP_OUTPUT") + ".go")
      end
    RUBY
    stuck.wait_for_output { |lines| lines == ["began"] }
    stuck.wait_for_log(%r{consume of #{topic}/0 takes \d{4,5} ms so far.*in `hang'}m)
    stuck.wait_for_log(/connection\.client\.poll\.error.*leaves the group #{group}/)
    other = serve(topic, 'def consume = OUT.write("done\n")')
    other.wait_for_output { |lines| lines == ["done"] }
    File.write("#{stuck.output_path}.go", "")
    stuck.wait_for_output { |lines| lines.last == "ended false" }
    stuck.wait_for_log(/back in the group.*assigned #{topic}/m)
    @servers.each { |server| server.signal(:TERM) }
    expect(@servers.map(&:wait)).to eq([0, 0])
    expect(committed(topic)).to eq(1)
  end

  it "whose stop is forced has left the group by then, so that nobody waits for the end of its session" do
    topic = cluster.create_topic(partitions: 1)
    send_to(topic, 1)
    consume = 'def consume = OUT.write("began\n") && sleep'
    stuck = serve(topic, consume, setup: "config.shutdown_timeout = 1_000", kafka: { "session.timeout.ms": 60_000 })
    stuck.wait_for_output { |lines| lines == ["began"] }
    stuck.signal(:TERM)
    expect([stuck.wait, cluster.admin.describe_group(group)[:members], committed(topic)]).to eq([2, [], nil])
  end

  it "that another one with the same group.instance.id has put out ends with status 1 and says which" do
    topic = cluster.create_topic(partitions: 1)
    kafka = { "group.instance.id": "orders-%{hostname}" } # rubocop:disable Style/FormatStringToken
    first = serve(topic, "def consume; end", kafka: kafka)
    first.wait_for_log(/assigned #{topic}/)
    second = serve(topic, "def consume; end", kafka: kafka)
    expect(first.wait).to eq(1)
    host = Etc.uname.fetch(:nodename)
    expect(first.log).to match(/another member of the group "#{group}" uses the same group\.instance\.id "orders-#{host}"/)
    second.wait_for_log(/assigned #{topic}/)
    second.signal(:TERM)
    expect(second.wait).to eq(0)
  end

  it "that buffers flushes and marks in idle, and one without workers to spare gets more at run time" do
    topic = cluster.create_topic(partitions: 1)
    server = serve(topic, <<~RUBY, setup: "config.concurrency = 1", route: "idle_after 2_000\nmanual_offset_management true")
      def consume
        (@buffer ||= []).concat(messages.to_a)
        Karafka::Server.workers.scale(3)
      end

      def idle
        OUT.write("\#{@buffer.map(&:raw_payload).join(" ")} by \#{Karafka::Server.workers.size}\\n")
        mark_as_consumed(@buffer.last)
        @buffer.clear
      end
    RUBY
    server.wait_for_log(/assigned #{topic}/)
    send_to(topic, 1, 2, 3)
    server.wait_for_output { |lines| lines == ["1 2 3 by 3"] }
    wait_until("the mark of idle to be committed") { committed(topic) == 3 }
    server.signal(:TERM)
    expect(server.wait).to eq(0)
  end
end
