# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"
require "support/server_process"

RSpec.describe "a signal that comes while the command line loads Thor" do
  around do |example|
    Dir.mktmpdir { |directory| (@directory = directory) && example.run }
  end

  # Ends the process in the middle of loading Thor: this file is found before the gem's, and a signal to itself is taken at once.
  def karafka(signal)
    File.write(File.join(@directory, "thor.rb"), "Process.kill(:#{signal}, Process.pid)\nsleep(60)\n")
    program = File.expand_path("../../../exe/karafka", __dir__)
    Open3.capture3(RbConfig.ruby, "-I", @directory, program, "info")
  end

  it "ends the process as any that got TERM, without an error" do
    out, err, status = karafka(:TERM)
    expect([out, err, status.termsig]).to eq(["", "", Signal.list["TERM"]])
  end

  it "ends it with status 1 where it was INT" do
    out, err, status = karafka(:INT)
    expect([out, err, status.exitstatus]).to eq(["", "", 1])
  end
end

# The system's own answer to both is to halt the process.
RSpec.describe "a signal that comes while a server loads its application" do
  # @return [ServerProcess] that has ended
  def server(*command)
    @server = ServerProcess.new(<<~RUBY).start(*command)
      def load_slowly
        %i[TTIN TSTP].each { |name| Process.kill(name, Process.pid) }
        Process.wait(fork { Process.kill(:TERM, Process.pid) && sleep })
      end
      load_slowly
      class OrdersConsumer < Karafka::BaseConsumer
        def consume; end
      end
      Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:1" } }
      Karafka::App.routes.draw { topic(:orders) { consumer OrdersConsumer } }
      %w[running supervising quieting].each { |name| Karafka.monitor.subscribe("app.\#{name}") { puts name } }
      Karafka.monitor.subscribe("app.quieting") { Karafka::Server.stop }
    RUBY
    @server.wait
    @server
  end

  after { @server.close }

  { "server" => "running", "swarm" => "supervising" }.each do |command, begun|
    it "has `karafka #{command}` print its threads, and be quiet once it runs" do
      log = server(command).log
      expect(log).to match(/^Thread .* \(run\)\n.*load_slowly.*^#{begun}$.*^quieting$/m)
    end
  end
end
