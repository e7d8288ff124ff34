# frozen_string_literal: true

require "open3"
require "rbconfig"
require "spec_helper"
require "support/mock_cluster"
require "support/rails_app"
require "support/server_process"

# The testing kit where applications have it: in the tests of a Rails application, and, by mistake, in a server.
RSpec.describe "the testing kit" do
  include MockCluster

  describe "in Rails" do
    before { skip RailsApp.missing if RailsApp.missing }

    after { app.close }

    let(:app) do
      RailsApp.new("127.0.0.1:9").tap do |app|
        app.write("app/models/order.rb", "class Order < ActiveRecord::Base; end\n")
        app.write("app/consumers/orders_consumer.rb", <<~RUBY)
          class OrdersConsumer < ApplicationConsumer
            def consume
              messages.each do |message|
                Order.create!(number: message.payload.fetch("number"))
                produce_async(topic: "receipts", payload: message.raw_payload)
              end
            end
          end
        RUBY
        # Workers of parallel tests load it.
        app.write("db/schema.rb", "ActiveRecord::Schema.define(version: 1) { create_table(:orders) { |table| table.integer :number } }\n")
        app.write("test/test_helper.rb", <<~RUBY)
          ENV["RAILS_ENV"] = "test"
          require_relative "../config/environment"
          ActiveRecord::Schema.verbose = false
          load "db/schema.rb" unless Order.table_exists?
          require "rails/test_help"
          require "karafka/testing/minitest/helpers"
          class ActiveSupport::TestCase
            include Karafka::Testing::Minitest::Helpers
            if ENV["PARALLEL"]
              parallelize(workers: 3, with: ENV["PARALLEL"].to_sym, **(ActiveSupport.version >= Gem::Version.new("7") ? { threshold: 0 } : {}))
            end
          end
        RUBY
        app.write("test/orders_test.rb", <<~RUBY)
          require "test_helper"
          class OrdersTest < ActiveSupport::TestCase
            setup { @consumer = @karafka.consumer_for(:orders) }

            40.times do |number|
              test "order \#{number}" do
                assert_equal 0, Order.count
                @karafka.produce({ number: number }.to_json)
                number.even? ? @consumer.consume : @karafka.run(@consumer)
                assert Order.exists?(number: number)
                assert_produced(:receipts, payload: { number: number }, times: 1)
                assert_equal 2, @karafka.produced_messages.size
              end
            end
          end
          Minitest.after_run { puts "left: \#{Order.count}" unless ENV["PARALLEL"] }
        RUBY
      end
    end

    def run_tests(env = {})
      neutral = %w[RAILS_ENV RACK_ENV BUNDLE_GEMFILE].to_h { |name| [name, nil] }
      all = { **neutral, "RUBYLIB" => File.expand_path("../../lib", __dir__), "RUBYOPT" => "-rrails", **env }
      seed = RSpec.configuration.seed.to_s
      out, = Open3.capture2e(all, "timeout", "60", RbConfig.ruby, "-W0", "-Itest", "test/orders_test.rb", "--seed", seed, chdir: app.dir)
      out
    end

    it "sees what transactional fixtures have written, which is rolled back" do
      expect(run_tests).to match(/40 runs, 160 assertions, 0 failures, 0 errors.*left: 0/m)
    end

    it "works in parallel processes" do
      expect(run_tests("PARALLEL" => "processes")).to include("40 runs, 160 assertions, 0 failures, 0 errors")
    end
  end

  describe "under RSpec's bisect" do
    it "finds the pair of examples that fail together, which it does not take for one of the kit's" do
      Dir.mktmpdir do |directory|
        File.write(File.join(directory, "pair_spec.rb"), <<~RUBY)
          require "karafka/testing/rspec/helpers"
          Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:1" } }
          Karafka::App.routes.draw { topic(:orders) { consumer Class.new(Karafka::BaseConsumer) { def consume = nil } } }
          RSpec.configure { |config| config.include Karafka::Testing::RSpec::Helpers }
          RSpec.describe "a pair" do
            before { karafka.consumer_for(:orders).then { karafka.produce("1") } }
            8.times { |index| it("does \#{index}") { $left = true if index == 3; expect(karafka.produced_messages.size).to eq(1) } }
            it("minds") { expect($left).to be_nil }
          end
        RUBY
        out, = Open3.capture2e({ "RUBYLIB" => File.expand_path("../../lib", __dir__) }, "rspec", "--bisect", "pair_spec.rb",
                               chdir: directory)
        expect(out).to match(%r{rspec '?\./pair_spec\.rb\[1:4,1:9\]'?$})
      end
    end
  end

  describe "in karafka server" do
    after do
      @server&.close
      close_cluster
    end

    it "does nothing: messages are sent" do
      %w[orders out].each { |name| broker.create_topic(name, 1) }
      @server = ServerProcess.new(<<~RUBY).start
        require "karafka"
        require "karafka/testing"
        class OrdersConsumer < Karafka::BaseConsumer
          def consume = produce_sync(topic: "out", payload: messages.first.raw_payload).then { |report| Karafka.logger.info("sent at \#{report.offset}") }
        end
        Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "#{broker.bootstrap_servers}", "session.timeout.ms": 6_000 } }
        Karafka.producer.middleware.append(->(message) { message })
        Karafka::App.routes.draw { topic(:orders) { consumer OrdersConsumer } }
      RUBY
      produce("orders", %w[1])
      @server.wait_for_log(/sent at 0/)
      expect(sent_to("out")).to eq(1)
      @server.signal(:TERM)
      expect(@server.wait).to eq(0)
    end
  end
end
