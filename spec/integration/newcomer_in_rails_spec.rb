# frozen_string_literal: true

require "net/http"
require "spec_helper"
require "support/free_ports"
require "support/guide"
require "support/new_rails_app"

# What docs/rails.md says about the first message, typed as it stands into an application that `rails new` has made.
RSpec.describe "a newcomer with a Rails application" do
  include Wait

  guide = Guide.new("docs/rails.md", "## The first message")
  # What is typed once, before anything runs.
  once, running = guide.steps.partition { |step| step.is_a?(Guide::Edit) || !step.match?(/\bkarafka (broker|server)|runner/) }
  dead_letters = once.pop
  broker, server, first_message = running
  commands = guide.commands

  before(:all) do
    @missing = NewRailsApp.missing
    next if @missing

    @app = NewRailsApp.new
    # The consumer's file is there before it is edited.
    @typed = once.sum { |step| step.is_a?(Guide::Edit) ? edit(step) : @app.terminal.run(step).then { 0 } }
  end

  before do
    skip @missing if @missing
    FileUtils.rm_f(app.path("tmp/kafka"))
    app.delete_orders
  end

  after { app&.terminal&.stop_all }

  after(:all) { @app&.close }

  attr_reader :app

  def terminal = app.terminal

  # As the page says, but for the gem, which is this checkout.
  # @return [Integer] lines to type
  def edit(step)
    former = app.read(step.path)
    gem = "#{former}gem \"karafka-rs\", path: \"#{Guide::ROOT}\"\n"
    app.write(step.path, step.path == "Gemfile" ? gem : step.text)
    step.lines_beyond(former)
  end

  def start_broker(line)
    terminal.start(line)
    wait_until("the broker") { File.exist?(app.path("tmp/kafka")) }
  end

  def wait_for_orders(numbers)
    wait_until("the orders #{numbers}", seconds: Wait::LONG * 2) { app.order_numbers.sort == numbers }
  rescue Wait::DeadlineError => e
    raise e.class, "#{e.message}, there are #{app.order_numbers}\n#{terminal.logs}"
  end

  def consumer(body)
    app.write("app/consumers/orders_consumer.rb", <<~RUBY)
      class OrdersConsumer < ApplicationConsumer
        def consume
          messages.each { |message| #{body} }
        end
      end
    RUBY
  end

  # What an error tracker does, on Rails 7 and later.
  def track_errors
    app.write("config/initializers/error_tracker.rb", <<~RUBY)
      class ErrorTracker
        def report(error, source:, **) = File.write("tmp/reported", "\#{source}: \#{error.message}\\n", mode: "a")
      end
      Rails.error.subscribe(ErrorTracker.new) if Rails.respond_to?(:error)
    RUBY
  end

  def rails_has_error_reports? = Gem::Specification.find_by_name("railties").version >= Gem::Version.new("7.1")

  it "has a row of the first message after six commands and two lines; a mistake is mended while the server runs; what fails is kept",
     deadline: 900 do
    expect([commands.size, @typed]).to eq([6, 2])
    track_errors
    start_broker(broker)
    running_server = terminal.start(server)
    terminal.run(first_message)
    wait_for_orders([42])

    consumer('raise "not yet"')
    terminal.run(first_message.sub("42", "43"))
    terminal.wait_for_log(running_server, /RuntimeError: not yet/)
    consumer('Order.create!(number: Integer(message.payload["number"]) + 1)')
    wait_for_orders([42, 44])
    terminal.stop(running_server)
    expect(app.read("tmp/reported")).to include("karafka: not yet\n") if rails_has_error_reports?

    app.write("karafka.rb", app.read("karafka.rb").sub("topic(:orders) { consumer OrdersConsumer }", dead_letters.text))
    running_server = terminal.start(server)
    terminal.run(first_message.sub("42", '"none"'))
    terminal.run(first_message.sub("42", "44"))
    wait_for_orders([42, 44, 45])
    expect(running_server.log).to match(%r{orders/0@2 went to orders\.dead after 3 attempts: ArgumentError})
    expect(terminal.stop(running_server).exitstatus).to eq(0)
  end

  it "sends from the workers of Puma's cluster", deadline: 600 do
    app.write("app/controllers/orders_controller.rb", <<~RUBY)
      class OrdersController < ActionController::Base
        def show
          Karafka.producer.produce_async(topic: "orders", payload: { number: params[:id].to_i }.to_json)
          head(:no_content)
        end
      end
    RUBY
    app.write("config/routes.rb", "Rails.application.routes.draw { resources :orders, only: :show }\n")
    port = FreePorts.take.first
    app.write("config/puma.rb", "bind \"tcp://127.0.0.1:#{port}\"\nworkers 2\nthreads 1, 1\npreload_app!\n")
    consumer('Order.create!(number: message.payload["number"])')
    start_broker(broker)
    web = terminal.start("KAFKA_BROKERS=$(cat tmp/kafka) bundle exec puma")
    wait_until("two workers", seconds: Wait::LONG * 2) { web.log.scan(/Worker \d \(PID: \d+\) booted/).size >= 2 }
    numbers = (101..110).to_a
    numbers.each { |number| expect(Net::HTTP.get_response("127.0.0.1", "/orders/#{number}", port).code).to eq("204"), web.log }
    terminal.stop(web)

    terminal.start(server)
    wait_for_orders(numbers)
  end

  it "is in one environment, that of Rails: KARAFKA_ENV alone is handed on, another one is warned of, and a fallback refused",
     deadline: 600 do
    in_test = /^Environment: +test$.*^Rails: .*environment test$/m
    expect(terminal.run("KARAFKA_ENV=test bin/karafka info")).to match(in_test)
    expect(terminal.run("KARAFKA_ENV=staging RAILS_ENV=test bin/karafka info"))
      .to match(/KARAFKA_ENV is staging, but Rails is in test, and that decides/).and match(in_test)
    expect(terminal.run("KARAFKA_ENV=production bin/rails runner 1", fails: true))
      .to match(/KARAFKA_ENV is production, but Rails is in development.*Set RAILS_ENV=production/)
  end
end
