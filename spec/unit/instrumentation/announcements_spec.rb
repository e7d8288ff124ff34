# frozen_string_literal: true

require "spec_helper"

RSpec.describe Karafka::Instrumentation::Announcements do
  it "says of a postponed batch where it is, as the other lines do" do
    caller = instance_double(Karafka::BaseConsumer, partition: 3, topic: instance_double(Karafka::Routing::Topic, name: "orders"))
    text = described_class.text("consumer.consuming.postponed", { caller: caller, delay: 1500, attempt: 1, reason: "later" })
    expect(text).to eq("orders/3 goes on in 1500 ms (attempt 1): later")
    # Of racecar's pause_timeout -1, and phobos's AbortError.
    text = described_class.text("consumer.consuming.postponed", { caller: caller, delay: (2**31) - 1, attempt: 1, reason: "enough" })
    expect(text).to eq("orders/3 goes on when the partition comes to a process again (attempt 1): enough")
  end
end
