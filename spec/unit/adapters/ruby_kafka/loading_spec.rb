# frozen_string_literal: true

require "open3"
require "rbconfig"

# In processes of their own: what is loaded here, and what seems to be active, is seen there only.
RSpec.describe "loading the adapters for ruby-kafka and delivery_boy" do
  def run(script)
    Open3.capture2e(RbConfig.ruby, "-I", File.expand_path("../../../../lib", __dir__), "-e", script)
  end

  { "ruby-kafka" => "ruby-kafka", "delivery_boy" => "delivery_boy" }.each do |gem, file|
    it "is refused beside #{gem}, and the error says which line to delete" do
      out, status = run("Gem.loaded_specs[#{gem.inspect}] = Gem::Specification.new(#{gem.inspect}); require \"karafka/compat/#{file}\"")
      expect(status.success?).to be(false)
      expect(out).to include("Karafka::Errors::ConflictingGemError", "delete `gem \"#{gem}\"`")
    end
  end

  it "takes the names that ruby-kafka was required by, and only from then on" do
    script = <<~RUBY
      require "karafka"
      before = begin
        require "kafka"
      rescue LoadError
        "missing"
      end
      require "karafka/compat/ruby-kafka"
      print [before, require("kafka"), require("ruby-kafka"), require("kafka/version"), Kafka::VERSION, defined?(DeliveryBoy)].inspect
    RUBY
    expect(run(script).first).to eq("[\"missing\", true, true, true, \"1.5.0\", nil]")
  end

  it "starts no thread and opens no connection" do
    script = <<~RUBY
      # Since Ruby 3.3 there is one more for its timers.
      threads = -> { [Thread.list.size, Dir.children("/proc/self/task").size] }
      before = threads.call
      require "karafka/compat/delivery_boy"
      kafka = Kafka.new("localhost:9")
      kafka.producer
      kafka.consumer(group_id: "g")
      print threads.call == before
    RUBY
    expect(run(script).first).to eq("true")
  end
end
