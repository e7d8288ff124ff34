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

  # Each of the first three fails in a way of its own. In a child, as the frozen one cannot be closed.
  it "are all sent and closed at the end of the process, also where others are frozen, or their logger or client raises" do
    status = in_child do
      made = Array.new(4) { WaterDrop::Producer.new { |config| config.client_class = WaterDrop::Clients::Buffered } }
      made.each { |producer| producer.buffer(topic: "t", payload: nil) }
      made[0].freeze
      allow(made[1].client).to receive(:produce).and_raise("the client")
      made.first(3).each { |producer| allow(producer.config.logger).to receive(:error).and_raise("the logger") }
      allow(made[2].client).to receive(:flush).and_raise("the client")
      expect { WaterDrop.const_get(:OpenProducers).flush_at_exit(1_000) }.to output(/, and the logger raised RuntimeError/).to_stderr
      expect(made[3].client.messages.size).to eq(1)
      expect { WaterDrop.close }.to raise_error(FrozenError)
      expect(made[3].status).to be_closed
    end
    expect(status).to match(/exit 0/)
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
