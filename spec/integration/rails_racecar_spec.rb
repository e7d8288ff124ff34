# frozen_string_literal: true

require "spec_helper"
require "support/adapter_application"
require "support/mock_cluster"
require "support/rails_app"

RSpec.describe "racecar in a Rails application" do
  include MockCluster

  before { skip RailsApp.missing if RailsApp.missing }

  after do
    @app&.close
    @rails&.close
    close_cluster
  end

  it "loads Rails and its classes, takes its environment's settings, and leaves the routes of karafka.rb to karafka server" do
    %w[orders banned].each { |topic| broker.create_topic(topic, 1) }
    produce("orders", ["1"])
    produce("banned", %w[5 6])
    @rails = RailsApp.new(broker.bootstrap_servers)
    @rails.write("app/consumers/orders_consumer.rb", "class OrdersConsumer < ApplicationConsumer\n  def consume = tell(:orders)\nend\n")
    @rails.write("app/consumers/ban_consumer.rb", <<~RUBY)
      class BanConsumer < Racecar::Consumer
        subscribes_to "banned"
        def process(message) = File.write(ENV.fetch("OUTPUT"), "\#{message.value} \#{Rails.env} \#{Current.user.inspect}\\n", mode: "a")
      end
    RUBY
    @rails.write("config/racecar.yml", <<~YAML)
      test:
        brokers: ["#{broker.bootstrap_servers}"]
        group_id_prefix: "<%= Rails.env %>."
        offset_commit_interval: 0.1
    YAML
    @app = AdapterApplication::Application.new({}, "RAILS_ENV" => "test", "RUBYOPT" => "-rrails")
    FileUtils.cp_r("#{@rails.dir}/.", @app.dir)
    File.write(@app.path("config/application.rb"), File.read(@app.path("config/application.rb")).gsub(@rails.dir, @app.dir))
    @app.start("racecar", "BanConsumer")
    wait_until("the commit") { committed("test.ban-consumer", "banned") == 2 }
    expect(@app.stop).to eq(0), @app.read("stdout")
    expect(@app.output).to eq(["5 test nil", "6 test nil"])
  end
end
