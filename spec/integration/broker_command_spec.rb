# frozen_string_literal: true

require "spec_helper"
require "support/server_process"

# `karafka broker`, and servers that know nothing of it but its address.
RSpec.describe "karafka broker" do
  include Wait

  before do
    @broker = ServerProcess.new("").start("broker", "--topics", "orders:2", "--address-file", address_file)
    wait_until("the broker's address") { File.exist?(address_file) }
  end

  after do
    @servers.each(&:close)
    @broker.close
    FileUtils.rm_rf(directory)
  end

  let(:directory) { Dir.mktmpdir }
  let(:address_file) { File.join(directory, "address") }

  def server(*command)
    (@servers ||= []) << ServerProcess.new(<<~RUBY).start(*command)
      class OrdersConsumer < Karafka::BaseConsumer
        def consume; end
      end
      Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "#{File.read(address_file).chomp}" } }
      Karafka::App.routes.draw { topic(:orders) { consumer OrdersConsumer } }
      Karafka.monitor.subscribe(Karafka::Instrumentation::LoggerListener.new)
    RUBY
    @servers.last
  end

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

  # Without the broker's help that is 44 seconds.
  it "hands a group over within seconds: to the one that follows, to the one that is left, and after a kill" do
    first = server
    first.wait_for_log(/assigned orders\[0,1\]/)
    first.signal(:TERM)
    expect(first.wait).to eq(0)
    began = now
    second = server
    second.wait_for_log(/assigned orders\[0,1\]/)
    third = server
    third.wait_for_log(/assigned orders\[\d\]/)
    second.signal(:KILL)
    third.wait_for_log(/assigned orders\[0,1\]/)
    expect(now - began).to be < 25
  end

  it "is what `karafka doctor` names as the cause, and as nothing else that is wrong with the connection" do
    doctor = server("doctor")
    expect(doctor.wait).to eq(2)
    expect(doctor.log).to match(/connection: the cluster: .* is `karafka broker`, which has no administration/)
    expect(doctor.log).not_to include("not checked: connection")
  end
end
