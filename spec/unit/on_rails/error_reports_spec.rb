# frozen_string_literal: true

RSpec.describe Karafka::OnRails::ErrorReports do
  after { Karafka::Instrumentation::Safely.reporter = nil }

  let(:reports) { [] }

  # Rails' error reporter, as it is since 7.1, or in 7.0.
  def rails(sourced: true)
    reports = self.reports
    reporter = Object.new
    if sourced
      reporter.define_singleton_method(:report) do |error, handled: true, severity: nil, context: {}, source: nil|
        reports << [error.message, handled, severity, context, source]
      end
    else
      reporter.define_singleton_method(:report) do |error, handled:, severity: nil, context: {}|
        reports << [error.message, context, handled, severity]
      end
    end
    stub_const("Rails", Class.new { define_singleton_method(:error) { reporter } })
    described_class.follow
  end

  def fail_with(error, caller: nil)
    Karafka::Instrumentation::Safely.error(error, "consumer.consume.error", caller: caller)
  end

  it "reports each error with its place, whoever else listens" do
    rails
    stub_const("OrdersConsumer", Class.new(Karafka::BaseConsumer))
    consumer = OrdersConsumer.new
    allow(consumer).to receive_messages(topic: instance_double(Karafka::Routing::Topic, name: "orders"), partition: 2)
    seen = []
    Karafka.monitor.subscribe("error.occurred") { |event| seen << event[:error].message }
    fail_with(ArgumentError.new("bad"), caller: consumer)
    context = { type: "consumer.consume.error", consumer: "OrdersConsumer", topic: "orders", partition: 2 }
    expect([reports, seen]).to eq([[["bad", true, :error, context, "karafka"]], ["bad"]])
  end

  it "reports in Rails 7.0, which knows no source, and logs what nobody listens to all the same" do
    log = StringIO.new
    Karafka::App.config.logger = Logger.new(log)
    rails(sourced: false)
    fail_with(ArgumentError.new("bad"))
    expect(reports).to eq([["bad", { type: "consumer.consume.error" }, true, :error]])
    expect(log.string).to match(/consumer.consume.error: ArgumentError: bad/)
  end

  it "does not let a reporter that raises do harm, and leaves Rails 6 alone" do
    log = StringIO.new
    Karafka::App.config.logger = Logger.new(log)
    Karafka::Instrumentation::Safely.reporter = ->(*) { raise "no network" }
    fail_with(ArgumentError.new("bad"))
    expect(log.string).to match(/raised RuntimeError: no network.*ArgumentError: bad/m)
    Karafka::Instrumentation::Safely.reporter = nil
    stub_const("Rails", Class.new)
    described_class.follow
    expect(Karafka::Instrumentation::Safely.reporter).to be_nil
  end
end
