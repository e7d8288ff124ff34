# frozen_string_literal: true

require "support/server_process"
require "support/mock_cluster"

# What consumers do with the process they run in.
RSpec.describe "a consumer that forks without a block" do
  include MockCluster

  after do
    @server&.close
    close_cluster
  end

  def serve(consume)
    broker.create_topic("orders", 1)
    produce("orders", %w[1])
    @server = ServerProcess.new(<<~RUBY).start
      require "karafka"
      class ForkingConsumer < Karafka::BaseConsumer
        def consume
          #{consume}
          File.write(ENV.fetch("APP_OUTPUT"), "\#{messages.first.payload} \#{Process.pid}\\n", mode: "a")
        end
      end
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "#{broker.bootstrap_servers}", "auto.commit.interval.ms": 50 }
        config.group_id = "forks"
      end
      Karafka::App.routes.draw { topic(:orders) { consumer ForkingConsumer } }
    RUBY
  end

  def goes_on
    produce("orders", %w[2])
    @server.wait_for_output { |lines| lines.last == "2 #{@server.pid}" }
    @server.signal(:TERM)
    expect(@server.wait).to eq(0)
    expect(committed("forks", "orders")).to eq(2)
  end

  it "and exits in the child leaves the server alone" do
    serve(<<~RUBY)
      if messages.first.payload == 1
        if (pid = fork)
          Process.wait(pid)
          raise "the child ended with \#{$?}" unless $?.exitstatus == 3
        else
          exit 3
        end
      end
    RUBY
    @server.wait_for_output { |lines| lines == ["1 #{@server.pid}"] }
    goes_on
  end

  it "and raises, or comes back from consume, ends the child with a word" do
    serve(<<~RUBY)
      if messages.first.payload == 1
        2.times do |number|
          pid = fork
          raise "in the child" if pid.nil? && number.zero?
          return if pid.nil?
          Process.wait(pid)
          raise "the child ended with \#{$?}" unless $?.exitstatus == 1
        end
      end
    RUBY
    @server.wait_for_output { |lines| lines == ["1 #{@server.pid}"] }
    expect(@server.log.scan("was forked in `consume` went on").size).to eq(2)
    expect(@server.log).to include("(RuntimeError: in the child)")
    goes_on
  end

  it "and becomes a daemon ends with a word, without acknowledging its batch" do
    serve("Process.daemon(true, true)")
    expect(@server.wait).to eq(0)
    @server.wait_for_log(/Call Process\.daemon before the server starts/)
    expect(committed("forks", "orders")).to be_nil
  end
end
