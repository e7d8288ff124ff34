# frozen_string_literal: true

require "waterdrop"

RSpec.describe Karafka::Instrumentation::Changes do
  it "adds to each number how it has changed, and for how long it has not" do
    changes = described_class.new
    times = [1_000, 1_500, 2_500].each
    allow(Karafka::Clock).to receive(:now_ms) { times.next }
    first = changes.add_to({ "tx" => 5, "name" => "c", "brokers" => { "b" => { "rtt" => { "avg" => 1.5 } } } })
    expect(first).to eq("tx" => 5, "tx_d" => 0, "tx_fd" => 0, "name" => "c",
                        "brokers" => { "b" => { "rtt" => { "avg" => 1.5, "avg_d" => 0, "avg_fd" => 0 } } })
    second = changes.add_to({ "tx" => 7, "same" => 1, "brokers" => { "b" => { "rtt" => { "avg" => 1.5 } }, "new" => { "tx" => 1 } } })
    expect(second).to include("tx_d" => 2, "tx_fd" => 0, "same_d" => 0, "same_fd" => 0)
    expect(second["brokers"]).to eq("b" => { "rtt" => { "avg" => 1.5, "avg_d" => 0.0, "avg_fd" => 500 } },
                                    "new" => { "tx" => 1, "tx_d" => 0, "tx_fd" => 0 })
    third = changes.add_to({ "tx" => 7, "same" => "text", "brokers" => { "b" => { "rtt" => { "avg" => 1.5 } } } })
    expect([third["tx_d"], third["tx_fd"], third["brokers"]["b"]["rtt"]["avg_fd"], third.key?("same_d")]).to eq([0, 1_000, 1_500, false])
  end
end
