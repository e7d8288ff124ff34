# frozen_string_literal: true

require "stringio"
require "open3"
require "rbconfig"
require_relative "../../support/application"

RSpec.describe Karafka::Cli do
  include ApplicationHelpers

  let(:directory) { File.realpath(Dir.mktmpdir) }

  around do |example|
    before = ENV.to_h
    ENV.delete("BUNDLE_GEMFILE")
    ENV["KARAFKA_ROOT_DIR"] = directory
    Dir.chdir(directory) { example.run }
  ensure
    ENV.replace(before)
    FileUtils.rm_rf(directory)
  end

  # Runs a command in this process. The boot file is loaded once a process, so each example has its own directory.
  def run(*argv)
    out = StringIO.new
    err = StringIO.new
    before = $stdout
    $stdout = out
    status = described_class.run(argv, err: err)
    [status, out.string, err.string]
  ensure
    $stdout = before
  end

  def boot_file(routes = "topic(:orders) { consumer OrdersConsumer }", setup = "")
    consumer_class
    File.write("karafka.rb", <<~RUBY)
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "127.0.0.1:9092", "sasl.password": "s3cret" }
        #{setup}
      end
      Karafka::App.routes.draw { #{routes} }
    RUBY
  end

  describe "a user's mistake" do
    it "gets a sentence and no backtrace: no boot file" do
      %w[server info2 routes console].zip([1, 1, 1, 1]).each do |command, expected|
        status, out, err = run(command)
        expect([status, out]).to eq([expected, ""])
        expect(err.lines.size).to be <= 2
      end
      expect(run("server").last).to include("there is no boot file #{directory}/karafka.rb", "karafka install", "KARAFKA_BOOT_FILE")
    end

    it "gets a sentence and no backtrace: an unknown command or option" do
      expect(run("sevrer")).to match([1, "", /Could not find command "sevrer".*server/m])
      expect(run("server", "--tpics", "x")).to match([1, "", /--tpics/])
    end

    it "gets a sentence and no backtrace: a wrong setting in the boot file" do
      boot_file("topic(:orders) { max_mesages 1 }")
      expect(run("server"))
        .to eq([1, "", "karafka: Unknown setting `topic orders max_mesages`. Did you mean `topic orders max_messages`?\n"])
    end

    it "gets the place in the boot file, where that raises" do
      File.write("karafka.rb", "\nNoSuchConstant.call\n")
      status, _, err = run("server")
      expect(status).to eq(1)
      expect(err).to match(%r{\Akarafka: NameError: uninitialized constant NoSuchConstant \(#{directory}/karafka.rb:2:})
        .and match(/KARAFKA_BACKTRACE=1/)
      expect(err.lines.size).to eq(2)
    end

    it "gets a sentence and no backtrace: a boot file that recurses, lacks an `end`, or requires what is not there" do
      mistakes = { "def again = again()\nagain" => /SystemStackError/, "class A" => /SyntaxError/, "require 'nope/nope'" => /LoadError/ }
      mistakes.each do |text, error|
        File.write("karafka.rb", text)
        status, _, err = run("server")
        expect([status, err.lines.size]).to eq([1, 2])
        expect(err).to match(error)
        expect(err).not_to include("zeitwerk")
      end
    end

    it "shows the backtrace where it is asked for" do
      ENV["KARAFKA_BACKTRACE"] = "1"
      File.write("karafka.rb", "raise 'oh'\n")
      expect(run("server").last.lines.size).to be > 5
    end

    it "gets an error for commands that are not there yet" do
      Karafka::NotYet::COMMANDS.each_key do |name|
        expect(run(name, "anything")).to match([1, "", /The command `#{name}` is not there yet/])
      end
    end
  end

  describe "server" do
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

  describe "booting" do
    before { allow(Karafka::Server).to receive(:run).and_return(0) }

    it "needs no boot file where KARAFKA_BOOT_FILE is false" do
      ENV["KARAFKA_BOOT_FILE"] = "false"
      setup
      expect(run("server")).to eq([0, "", ""])
    end

    it "loads Rails first, where the directory and the bundle have it" do
      boot_file("", "config.client_id = LOADED_BY_RAILS")
      FileUtils.mkdir_p("config")
      File.write("config/environment.rb", "LOADED_BY_RAILS = 'rails'")
      allow(Gem).to receive(:loaded_specs).and_return(Gem.loaded_specs.merge("railties" => Gem::Specification.new))
      expect(run("server")).to eq([0, "", ""])
      expect(app.config.client_id).to eq("rails")
    end
  end

  describe "console" do
    it "starts irb with the application loaded" do
      boot_file
      require "irb"
      allow(IRB).to receive(:start) { expect(app).to be_initialized }
      expect(run("console")).to eq([0, "", ""])
      expect(IRB).to have_received(:start)
    end
  end

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
      expect(out).to include("127.0.0.1:9092", "#{directory}/karafka.rb", "1 consumer groups, 1 topics", "sasl.password=[hidden]")
      expect(out).not_to include("s3cret")
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

  describe "install" do
    it "writes an application that loads as it is" do
      status, out, = run("install")
      expect([status, out.scan(/^create +(\S+)/).flatten])
        .to eq([0, %w[karafka.rb app/consumers/application_consumer.rb app/consumers/example_consumer.rb spec/karafka_spec.rb]])
      lib = File.expand_path("../../../lib", __dir__)
      out, err, = Open3.capture3({ "KARAFKA_LOG_LEVEL" => "error" }, RbConfig.ruby, "-w", "-I", lib, "-e", <<~RUBY)
        require "./karafka"
        KarafkaApp.boot!
        p Karafka::App.routes.topics.map { |topic| [topic.name, topic.consumer.to_s, topic.consumer.superclass.to_s] }
      RUBY
      expect(out).to eq("#{[%w[example ExampleConsumer ApplicationConsumer]].inspect}\n")
      expect(err.lines.reject { |line| line.include?("/zeitwerk/") }).to eq([])
    end

    it "leaves what is there already" do
      File.write("karafka.rb", "mine")
      expect(run("install")).to match([0, /exists  karafka.rb/, ""])
      expect(File.read("karafka.rb")).to eq("mine")
    end

    it "lets Rails load the classes, and writes no specs beside tests" do
      FileUtils.mkdir_p(%w[config test])
      File.write("config/application.rb", "")
      run("install")
      expect(File.read("karafka.rb")).not_to include("Zeitwerk")
      expect(Dir.exist?("spec")).to be(false)
    end
  end

  it "prints its version and its help" do
    expect(run("version")).to eq([0, "karafka-rs #{Karafka::VERSION}\n", ""])
    expect(run("help")).to match([0, /server.*short: s/, ""])
    %w[--help -h].each { |flag| expect(run("server", flag)).to match([0, /Usage:\n  karafka server/, ""]) }
  end

  it "is both executables" do
    %w[karafka karafka-rs].each do |name|
      out, status = Open3.capture2e(RbConfig.ruby, File.expand_path("../../../exe/#{name}", __dir__), "server")
      expect([out.include?("there is no boot file"), out.lines.size, status.exitstatus]).to eq([true, 1, 1])
    end
  end
end
