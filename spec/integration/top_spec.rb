# frozen_string_literal: true

require "spec_helper"
require "open3"
require "rbconfig"
require "support/http_probe"
require "support/json_schema"
require "support/mock_cluster"
require "support/server_process"

RSpec.describe "karafka status beside a process" do
  include MockCluster

  root = File.expand_path("../..", __dir__)

  before { broker.create_topic("orders", 2) }

  after do
    @server&.close
    close_cluster
  end

  define_method(:status) do |*arguments|
    Open3.capture3(RbConfig.ruby, "-I#{root}/lib", "#{root}/exe/karafka", *arguments, "--interval", "0.5", chdir: Dir.tmpdir)
  end

  it "finds nothing while it works, then the batch that is stuck, then that the process is gone", deadline: 240 do
    @server = ServerProcess.new(<<~RUBY).start
      class OrdersConsumer < Karafka::BaseConsumer
        def consume
          sleep if messages.first.raw_payload == "hang"
        end
      end
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "#{broker.bootstrap_servers}", "session.timeout.ms": 6_000 }
        config.http.port = 0
        config.shutdown_timeout = 1_000
      end
      Karafka::App.routes.draw { topic(:orders) { consumer OrdersConsumer } }
    RUBY
    url = @server.wait_for_log(%r{Answers HTTP at (http://[\d.]+:\d+)})[1]
    wait_until("readiness") { HttpProbe.get(url, "/readyz").status == 200 }
    out, err, process = status("status", url)
    expect([process.exitstatus, out.lines.first, err]).to match([0, /\Akarafka: no problem, 1 of 1 process answers, memory \d+ MB\n/, ""])

    produce("orders", ["hang"], partition: 1)
    wait_until("the batch") { HttpProbe.get(url, "/v1/workers").json["workers"].any? { |worker| worker["state"] == "busy" } }
    stuck = %r{^PROBLEM   orders/1 stuck \d+ m?s: OrdersConsumer at karafka.rb:2 on worker \d+$}
    wait_until("the verdict") do
      out, _, process = status("top", "--once", "--stuck", "0.2", url)
      process.exitstatus == 2 && out.match?(stuck)
    end
    out, _, process = status("top", "--once", "--json", url)
    schema = JSON.parse(File.read("#{root}/docs/state.schema.json"))
    expect([process.exitstatus, JsonSchema.findings(JSON.parse(out), schema)]).to eq([0, []]), "stuck only after a minute"

    @server.close
    out, _, process = status("status", url)
    expect([process.exitstatus, out]).to match([3, /^NO ANSWER .* does not answer: nobody listens there$/])
  end
end
