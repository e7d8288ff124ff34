# frozen_string_literal: true

require "open3"
require "rbconfig"

RSpec.describe "the classes of the extension" do
  # Whatever calls Ruby may raise what a signal brings. A class that is looked up with its first object did so within Rust, where that
  # was a panic: at the exit of a process that had sent nothing yet, for example.
  it "are looked up when it is loaded, and not with their first objects" do
    script = <<~RUBY
      require "karafka"
      Karafka::Native::Producer # The extension is loaded with the first of its names.
      def Object.const_get(name, ...) = name.to_s.start_with?("Karafka::Native") ? raise(Interrupt, name.to_s) : super
      producer = WaterDrop::Producer.new do |config|
        config.kafka = { "bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": 1 }
        config.logger = Logger.new(nil)
      end
      producer.produce_async(topic: "a", payload: "b")
      producer.close
      puts "sent"
    RUBY
    output, status = Open3.capture2e("timeout", "60", RbConfig.ruby, "-I", File.expand_path("../../../lib", __dir__), "-e", script)
    expect([output.lines.last.to_s.chomp, status.exitstatus]).to eq(["sent", 0]), output
  end
end
