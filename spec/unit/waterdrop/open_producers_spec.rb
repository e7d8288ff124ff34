# frozen_string_literal: true

require "spec_helper"
require "waterdrop"

RSpec.describe "the producers of a process" do
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
    WaterDrop::Producer.new { |config| config.client_class = WaterDrop::Clients::Buffered }.produce_sync(topic: "t")
    nil
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
