# frozen_string_literal: true

require "support/rooms"

RSpec.describe Rooms do
  it "reports a use of a room above, with its line, also within braces" do
    source = "use crate::error::Result;\nuse crate::{\n  base::sync, consume::engine};\n// use crate::produce::x\n"
    expect(described_class.upward("kafka/client.rs", source)).to eq(["kafka/client.rs:2: kafka uses consume, which is above it"])
  end

  it "reports a room that it does not know" do
    expect(described_class.upward("attic/old.rs", "")).to eq(["attic/old.rs: no room attic in spec/support/rooms.rb"])
  end

  it "finds nothing in the engine" do
    expect(described_class.findings).to eq([])
  end
end
