# frozen_string_literal: true

require_relative "../../spec_helper"
require_relative "../../support/adapter_application"
require_relative "../../support/kafka_cluster"

# The main thread waits in the engine, outside of Ruby's lock; until Ruby 3.3 only the session's own thread lets a signal reach it there.
RSpec.describe "a consumer of ruby-kafka that waits for messages, on real Kafka" do
  include AdapterApplication
  include Wait

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

  it "is reached by signals at once, and ends by one of them" do
    cluster = KafkaCluster.shared
    topic = cluster.create_topic
    application("main.rb" => <<~RUBY) do |app|
      require "karafka/compat/ruby-kafka"
      def note(text) = File.write(ENV.fetch("OUTPUT"), "\#{text}\\n", mode: "a")

      kafka = Kafka.new("#{cluster.bootstrap_servers}")
      kafka.deliver_message("first", topic: "#{topic}")
      consumer = kafka.consumer(group_id: "#{topic}")
      consumer.subscribe("#{topic}")
      trap("USR1") { note(Process.clock_gettime(Process::CLOCK_MONOTONIC)) }
      trap("TERM") { consumer.stop }
      consumer.each_message { |message| note(message.value) }
      note("left")
    RUBY
      app.start("ruby", "main.rb")
      app.wait_for_output { |lines| lines == ["first"] }
      late = Array.new(20) do |number|
        sent = now
        app.signal("USR1")
        app.wait_for_output { |lines| lines.size == number + 2 }
        app.output.last.to_f - sent
      end
      began = now
      expect([app.stop("TERM"), app.output.last]).to eq([0, "left"])
      # Seconds. The median, as a busy machine may delay one of them.
      expect(late.sort[10]).to be < 0.2
      expect(now - began).to be < 5
    end
  end
end
