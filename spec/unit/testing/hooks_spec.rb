# frozen_string_literal: true

require "open3"
require "tmpdir"

RSpec.describe "the testing kit's hooks under RSpec" do
  it "go around the user's own, also those of the configuration and of groups, and follow metadata" do
    Dir.mktmpdir do |directory|
      File.write(File.join(directory, "hooks_spec.rb"), <<~RUBY)
        require "karafka/testing/rspec/helpers"
        Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:1" } }
        Karafka::App.routes.draw { topic(:orders) { consumer Class.new(Karafka::BaseConsumer) { def consume = nil } } }
        SEND = -> { Karafka.producer.produce_sync(topic: "x", payload: "1") }
        RSpec.configure do |config|
          config.before { SEND.call }
          config.include Karafka::Testing::RSpec::Helpers, :kafka
          config.after { SEND.call if respond_to?(:karafka) }
        end
        RSpec.describe "a group", :kafka do
          before(:context) { SEND.call }
          after(:context) { SEND.call }
          2.times { |index| it("sees what hooks of its own have sent \#{index}") { expect(karafka.produced_messages.size).to eq(1) } }
          describe("nested") { it("does so, too") { expect(karafka.produced_messages.size).to eq(1) } }
        end
        RSpec.describe "another group" do
          it("is left alone") { expect(self).not_to respond_to(:karafka) }
          2.times do |index|
            it("has it where the example says so \#{index}", :kafka) do
              expect(karafka.produced_messages.size).to eq(0)
              SEND.call
              consumer = karafka.consumer_for(:orders)
              karafka.produce_to(consumer, "1")
              expect([karafka.produced_messages.size, consumer.messages.size]).to eq([2, 1])
            end
          end
        end
      RUBY
      env = { "RUBYLIB" => File.expand_path("../../../lib", __dir__) }
      out, status = Open3.capture2e(env, "rspec", "--order", "rand:#{RSpec.configuration.seed}", "hooks_spec.rb", chdir: directory)
      expect([status.success?, out]).to match([true, /6 examples, 0 failures/]), out
    end
  end
end
