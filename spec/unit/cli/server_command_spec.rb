# frozen_string_literal: true

require_relative "../../support/command_in_process"

RSpec.describe "karafka server" do
  include_context "with commands in this process"

  before { allow(Karafka::Server).to receive(:run).and_return(0) }

  it "boots the application and runs the server; its status is the exit status" do
    boot_file
    expect(run("server")).to eq([0, "", ""])
    expect(app).to be_initialized
    allow(Karafka::Server).to receive(:run).and_return(2)
    expect(run("s").first).to eq(2)
  end

  it "takes a boot file of another name" do
    boot_file
    File.rename("karafka.rb", "other.rb")
    ENV["KARAFKA_BOOT_FILE"] = "other.rb"
    expect(run("server").first).to eq(0)
    expect(app.routes.topics.size).to eq(1)
  end

  [
    [%w[--topics b], %w[b]], [%w[--include-topics a,b], %w[a b]], [%w[--exclude-topics a], %w[b c]], [%w[-g other], %w[c]],
    [%w[--consumer_groups other], %w[c]], [%w[--exclude-consumer-groups other --topics a c], %w[a]],
    [%w[--subscription-groups app_0], %w[a b]]
  ].each do |arguments, expected|
    it "#{arguments.join(" ")} consumes #{expected.join(" and ")}" do
      boot_file("topic(:a) { consumer OrdersConsumer }; topic(:b) { consumer OrdersConsumer }; " \
                "consumer_group(:other) { topic(:c) { consumer OrdersConsumer } }")
      seen = nil
      allow(Karafka::Server).to receive(:run) { seen = app.subscription_groups.values.flatten.flat_map(&:active_topics).map(&:name) }
      expect(run("server", *arguments)).to eq([0, "", ""])
      expect(seen).to eq(expected)
    end
  end

  it "refuses names that are not in the routes" do
    boot_file
    [["--topics", ""], ["--topics", " , "], ["--exclude-topics", ""], ["--include_consumer_groups", ""], ["-g", ""]].each do |arguments|
      expect(run("server", *arguments)).to match([1, "", /\Akarafka: --[a-z-]+ is given without a name/])
    end
    expect(run("server", "--topics", "ordes")).to match([1, "", /Unknown topic `ordes`. Did you mean `orders`/])
    expect(Karafka::Server).not_to have_received(:run)
  end

  it "writes a pid file while it runs" do
    boot_file
    seen = nil
    allow(Karafka::Server).to receive(:run) { seen = File.read("k.pid") }
    expect(run("server", "-p", "k.pid").first).to eq(0)
    expect([seen, File.exist?("k.pid")]).to eq([Process.pid.to_s, false])
  end

  it "refuses a pid file of a process that runs, and takes over one that is left behind" do
    boot_file
    File.write("k.pid", Process.ppid.to_s)
    expect(run("server", "--pid", "k.pid")).to match([1, "", /process #{Process.ppid} runs already/])
    File.write("k.pid", spawn("true").tap { |pid| Process.wait(pid) }.to_s)
    expect(run("server", "--pid", "k.pid").first).to eq(0)
  end

  it "refuses a pid file that cannot be written, and removes it when the server raises" do
    boot_file
    expect(run("server", "--pid", "no/such/dir/k.pid")).to match([1, "", /cannot use the pid file/])
    allow(Karafka::Server).to receive(:run).and_raise(Karafka::Errors::EngineError, "broken")
    expect(run("server", "--pid", "k.pid")).to eq([1, "", "karafka: broken\n"])
    expect(File.exist?("k.pid")).to be(false)
  end

  it "refuses --daemon with what to do instead" do
    boot_file
    expect(run("server", "--daemon")).to match([1, "", /--daemon.*systemd/])
  end
end
