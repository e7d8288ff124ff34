# frozen_string_literal: true

require "spec_helper"
require "waterdrop"

RSpec.describe "the producers of a process" do
  let(:log) { StringIO.new }

  # In a child, as Ruby crashes where it does not hold.
  def in_child
    pid = fork do
      yield
      exit!(0)
    end
    Process.wait(pid)
    $?.inspect # rubocop:disable Style/SpecialGlobalVars
  end

  def open_producer
    WaterDrop::Producer.new { |config| config.client_class = WaterDrop::Clients::Buffered }.produce_sync(topic: "t", payload: nil)
    nil
  end

  it "are all sent at the end of the process, also where a subscriber of one raises" do
    made = Array.new(3) do
      WaterDrop::Producer.new do |config|
        config.client_class = WaterDrop::Clients::Buffered
        config.logger = Logger.new(log)
      end
    end
    made.each do |producer|
      producer.monitor.subscribe("buffer.flushed_async") { raise "of a subscriber" }
      producer.buffer(topic: "t", payload: nil)
      producer.flush_at_exit(1_000)
    end
    expect(made.map { |producer| producer.client.messages.size }).to eq([1, 1, 1])
    expect(log.string.scan("of a subscriber").size).to eq(3)
    made.each(&:close)
  end

  it "are closed without those that are garbage, but not yet swept" do
    status = in_child do
      10.times do
        GC.start
        200.times { open_producer }
        GC.start(immediate_sweep: false)
        WaterDrop.close
      end
    end
    expect(status).to match(/exit 0/)
  end
end
