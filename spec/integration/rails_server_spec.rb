# frozen_string_literal: true

require "spec_helper"
require "open3"
require "support/mock_cluster"
require "support/rails_app"

missing = RailsApp.missing

RSpec.describe "karafka in a Rails application", skip: missing do
  include MockCluster

  before { broker.create_topic("orders", 1) }

  after do
    @app&.close
    close_cluster
  end

  def rails(**given) = @app = RailsApp.new(broker.bootstrap_servers, **given)

  it "ends each piece of work for Rails: connections go back and CurrentAttributes are reset, also after a failure" do
    app = rails(setup: "config.idle_after = 100")
    app.write("app/consumers/orders_consumer.rb", <<~RUBY)
      class OrdersConsumer < ApplicationConsumer
        def consume = use("consume \#{messages.first.payload} \#{attempt}") { raise "no" if messages.first.payload == 1 && attempt < 3 }
        def idle = use("idle")
        def shutdown = use("shutdown")

        def use(what)
          tell(what, pool, Current.user.inspect)
          Current.user = what
          ActiveRecord::Base.connection.execute("SELECT 1")
          yield if block_given?
        end
      end
    RUBY
    server = app.server.start
    produce("orders", ["1"])
    server.wait_for_output(seconds: 60) { |lines| lines.grep(/\Aidle/).any? && lines.grep(/\Aconsume 1 3/).any? }
    produce("orders", ["2"])
    server.wait_for_output(seconds: 60) { |lines| lines.any? { |line| line.start_with?("consume 2") } }
    server.signal(:TERM)
    expect(server.wait(seconds: 60)).to eq(0)
    expect(server.output.map { |line| line[/\A[a-z]+( \d)*/] }).to include("consume 1 1", "consume 1 2", "consume 1 3", "idle", "shutdown")
    expect(server.output.map { |line| line.split.last(2) }.uniq).to eq([%w[released nil]])
  end

  it "runs code that has changed, also for the retry of what failed with the old one" do
    app = rails(setup: "config.consumer_persistence = false", reload: true)
    app.write("app/consumers/orders_consumer.rb", <<~RUBY)
      class OrdersConsumer < ApplicationConsumer
        def consume = tell("old \#{attempt}").then { raise "a mistake" }
      end
    RUBY
    server = app.server.start
    produce("orders", ["1"])
    server.wait_for_output(seconds: 60) { |lines| lines.size >= 2 }
    app.write("app/consumers/orders_consumer.rb", <<~RUBY)
      class OrdersConsumer < ApplicationConsumer
        def wrap(action) = tell("new \#{action}") && yield
        def consume = tell("done \#{messages.first.offset} \#{Helper.name}")
      end
    RUBY
    app.write("app/models/helper.rb", "module Helper; end\n")
    server.wait_for_output(seconds: 60) { |lines| lines.include?("done 0 Helper") }
    expect(server.output).to include("new consume")
    server.signal(:TERM)
    expect(server.wait(seconds: 60)).to eq(0)
    expect(server.log).not_to include("has been removed from the module tree")
  end

  it "knows karafka.rb in a web process or a console, where nothing is started" do
    app = rails
    app.write("app/consumers/orders_consumer.rb", "class OrdersConsumer < ApplicationConsumer\n  def consume; end\nend\n")
    script = "require './config/environment'; require #{OsThreads::FILE.inspect}; " \
             "p [Karafka::App.config.client_id, Karafka::App.routes.topics.size, OsThreads.ours]"
    run = lambda { |env|
      Open3.capture2e({ "RAILS_ENV" => "test" }.merge(env), RbConfig.ruby, "-I#{ServerProcess::ROOT}/lib", "-e", script, chdir: app.dir)
    }
    output, status = run.call({})
    expect([output.lines.last, status.success?]).to eq(["[\"shop\", 1, []]\n", true])
    expect(run.call({ "KARAFKA_BOOT_FILE" => "false" }).first.lines.last).to eq("[\"karafka\", 0, []]\n")
  end
end
