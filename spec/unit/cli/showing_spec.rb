# frozen_string_literal: true

require "open3"
require "rbconfig"
require_relative "../../support/command_in_process"

RSpec.describe "commands that show the application" do
  include_context "with commands in this process"

  describe "info" do
    it "prints what there is without an application" do
      status, out, err = run("info")
      expect([status, err]).to eq([0, ""])
      expect(out).to include("karafka-rs:", Karafka::VERSION, "librdkafka:", RUBY_DESCRIPTION, "none (`karafka install`")
    end

    it "prints the application, but no password" do
      boot_file
      status, out, = run("i")
      expect(status).to eq(0)
      expect(out).to include("127.0.0.1:9092", "#{directory}/karafka.rb", "1 consumer group, 1 topic ", "sasl.password=[hidden]")
      expect(out).not_to include("s3cret")
    end

    it "counts the groups that have topics" do
      boot_file("topic(:orders) { consumer(OrdersConsumer) && group(:shop) }") # as in 2016: the group of all topics is left empty
      expect(run("info")[1]).to match(/^Routes: +1 consumer group, 1 topic /)
    end
  end

  describe "routes" do
    it "prints groups, topics, consumers, and the settings that differ" do
      boot_file("topic(:orders) { consumer OrdersConsumer; max_messages 7 }; topic(/x/) { consumer OrdersConsumer; active false }")
      status, out, = run("routes")
      expect([status, out]).to eq([0, <<~TEXT])
        consumer group app
          subscription group app_0
            orders -> OrdersConsumer  (max_messages: 7)
            /x/ [inactive] -> OrdersConsumer
      TEXT
    end

    it "prints how messages get to the consumer" do
      boot_file("topic(:orders) { consumer OrdersConsumer; parallel by: :key, limit: 20; only key: /x/ }")
      expect(run("routes")[1]).to include("orders -> OrdersConsumer  (parallel: by key, limit 20, only: some messages)")
    end

    it "prints which partitions are taken directly, and how fast" do
      boot_file("topic(:orders) { consumer OrdersConsumer; assign 0, 2; throttle limit: 5, interval: 100 }")
      expect(run("routes")[1]).to include("orders -> OrdersConsumer  (assign: 0, 2, throttle: 5 in 100 ms)")
    end

    it "says that there are none" do
      boot_file("")
      expect(run("routes")).to match([0, /No topics. Draw some/, ""])
    end
  end

  describe "flow" do
    before { boot_file("topic(:orders) { consumer OrdersConsumer; produces :receipts }; topic(:mails) { consumer OrdersConsumer }") }

    it "prints which topics lead to which" do
      expect(run("flow"))
        .to eq([0, "mails => (nothing)\norders =>\n  - receipts:             (conditionally, one or more)\n", ""])
    end

    it "prints each format, or writes it" do
      { "json" => "{", "dot" => "digraph", "mermaid" => "flowchart LR", "asyncapi" => "---\nasyncapi: 3.0.0" }.each do |format, start|
        expect(run("flow", "--format", format)).to match([0, start_with(start), ""])
        expect(run("flow", "-f", format, "-o", "flow.#{format}")).to eq([0, "flow.#{format} written\n", ""])
        expect(File.read("flow.#{format}")).to start_with(start)
      end
      run("flow", "-f", "asyncapi", "-o", "flow.json")
      expect(JSON.parse(File.read("flow.json"))).to include("asyncapi" => "3.0.0")
    end

    it "prints nothing else to where others read it: what the application says goes to standard error" do
      File.write("karafka.rb", "#{File.read("karafka.rb")}\nputs 'from the application'\nKarafka.logger.info('from its log')\n")
      code = "class OrdersConsumer < Karafka::BaseConsumer; def consume; end; end; exit Karafka::Cli.run(%w[flow -f json])"
      lib = "#{Karafka.gem_root}/lib"
      out, err, status = Open3.capture3({ "KARAFKA_ENV" => "development" }, RbConfig.ruby, "-I", lib, "-rkarafka", "-e", code)
      expect([JSON.parse(out)["application"], status.exitstatus]).to eq(["karafka", 0])
      expect(err).to match(/from the application.*from its log/m)
    end

    it "says what is wrong: the format, the file, no topics" do
      expect(run("flow", "--format", "yaml")).to match([1, "", /--format.*text, json, dot, mermaid, asyncapi; got yaml/])
      expect(run("flow", "-o", "no/such/dir/x")).to match([1, "", %r{\Akarafka: cannot write no/such/dir/x: No such file}])
      app.routes.clear
      expect(run("flow")).to match([0, /No topics are consumed. Draw some/, ""])
    end
  end
end
