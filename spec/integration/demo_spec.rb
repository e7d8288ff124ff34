# frozen_string_literal: true

require "spec_helper"
require "open3"

RSpec.describe "examples/flights", deadline: 400 do
  it "says in one line that no Kafka answers, and how it is called" do
    root = File.expand_path("../..", __dir__)
    demo = lambda do |*arguments|
      Open3.capture2e("ruby", "-I#{root}/lib", File.join(root, "examples/flights/demo.rb"), *arguments)
    end
    output, status = demo.call("--brokers", "127.0.0.1:1")
    expect([output.lines.size, output, status.exitstatus]).to match([1, %r{\Abin/demo: no Kafka answers at 127.0.0.1:1: Conn}, 1])
    expect(demo.call("--brokers", "nonsense").first).to match(%r{\Abin/demo: invalid argument: --brokers nonsense})
    expect(Open3.capture2e(File.join(root, "bin/demo"), "--broker").first).to eq("Usage: bin/demo [--brokers HOST:PORT]\n")
  end

  it "counts every flight once, in both stages, and comes to the tables that a plain script computes" do
    root = File.expand_path("../..", __dir__)
    env = { "BUNDLE_GEMFILE" => File.join(root, "examples/flights/Gemfile"), "BUNDLE_SILENCE_ROOT_WARNING" => "1" }
    expect(system(env, "bundle", "install", "--local", "--quiet")).to be(true)
    output, status = Open3.capture2e(env, "timeout", "360", "bundle", "exec", "ruby", File.join(root, "examples/flights/demo.rb"))
    expect(output).to include("112259 of 112259 flights", "JFK      B6          14032        9.3 min",
                              "flights =>\n  - flights.late:         (conditionally, one or more)\nflights.late => (nothing)",
                              "Every flight was counted once, and every late one once more",
                              "the tables equal those a plain script computes.")
    expect(status.exitstatus).to eq(0)
  end
end
