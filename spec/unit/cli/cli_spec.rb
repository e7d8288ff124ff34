# frozen_string_literal: true

require "open3"
require "rbconfig"
require_relative "../../support/command_in_process"

RSpec.describe Karafka::Cli do
  include_context "with commands in this process"

  describe "--json" do
    it "gives info, routes and flow to programs, without secrets" do
      boot_file("topic(:orders) { consumer OrdersConsumer; max_messages 7 }")
      status, out, err = run("info", "--json")
      facts = JSON.parse(out)
      expect([status, err]).to eq([0, ""])
      expect(facts).to include("version" => Karafka::VERSION, "brokers" => "127.0.0.1:9092", "shutdown_timeout_ms" => be_a(Integer))
      expect(out).not_to include("s3cret")

      routes = JSON.parse(run("routes", "--json")[1])
      topic = routes.fetch("consumer_groups").first.fetch("subscription_groups").first.fetch("topics").first
      expect(topic).to include("name" => "orders", "topic" => "orders", "active" => true, "consumer" => "OrdersConsumer",
                               "settings" => { "max_messages" => 7 })
      expect(run("flow", "--json")[1]).to eq(run("flow", "--format", "json")[1])
    end
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

    it "gets a sentence and no backtrace: bytes that are no text" do
      expect(run("consume", "orders", "--grep", "\xFF")).to eq([1, "", "karafka: the argument \"\\xFF\" is not UTF-8\n"])
    end

    it "is read as UTF-8 where there is no locale, as in a container" do
      [Encoding::US_ASCII, Encoding::BINARY].each do |encoding|
        text = "\u00FC".dup.force_encoding(encoding)
        expect(run("produce", "orders", "--header", text)).to eq([1, "", "karafka: --header \u00FC: write NAME=VALUE\n"])
      end
    end

    it "gets a sentence and no backtrace: an unknown command or option" do
      expect(run("sevrer")).to match([1, "", /Could not find command "sevrer".*server/m])
      expect(run("server", "--tpics", "x")).to match([1, "", /--tpics/])
    end

    it "gets a sentence and no backtrace: a wrong setting in the boot file" do
      boot_file("topic(:orders) { max_mesages 1 }")
      expect(run("server"))
        .to eq([1, "", "karafka: Unknown setting `topic orders max_mesages`. Did you mean `topic orders max_messages`? " \
                       "(#{directory}/karafka.rb:5)\n"])
    end

    it "gets the place in the boot file, where that raises" do
      File.write("karafka.rb", "\nNoSuchConstant.call\n")
      status, _, err = run("server")
      expect(status).to eq(1)
      expect(err).to match(%r{\Akarafka: NameError: uninitialized constant NoSuchConstant \(#{directory}/karafka.rb:2:})
        .and match(/KARAFKA_BACKTRACE=1/)
      expect(err.lines.size).to eq(2)
    end

    it "gets its own line where a library raises, and the reason where there is one" do
      File.write("karafka.rb", "begin\n  JSON.parse('nope')\nrescue => e\n  raise 'no settings'\nend\n")
      expect(run("server").last)
        .to match(%r{\Akarafka: RuntimeError: no settings \(because of JSON::ParserError: .*\) \(#{directory}/karafka.rb:4:})
      other = Dir.mktmpdir
      File.write("#{other}/boot.rb", "\nJSON.parse('nope')\n")
      ENV.update("KARAFKA_ROOT_DIR" => other, "KARAFKA_BOOT_FILE" => "#{other}/boot.rb")
      expect(run("server").last).to match(%r{JSON::ParserError: .* \(#{other}/boot.rb:2:in .*, raised at .*json/})
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

    it "gets a sentence for KARAFKA_BOOT_FILE and KARAFKA_LOG_LEVEL that name nothing" do
      ENV["KARAFKA_BOOT_FILE"] = "nope.rb"
      %w[info server routes flow].each do |command|
        expect(run(command)).to match([1, anything, /there is no boot file #{directory}.nope\.rb/])
      end
      ENV.delete("KARAFKA_BOOT_FILE")
      ENV["KARAFKA_LOG_LEVEL"] = "loud"
      boot_file
      expect(run("server"))
        .to eq([1, "", "karafka: KARAFKA_LOG_LEVEL is \"loud\", but must be one of debug, info, warn, error, fatal, unknown.\n"])
    end

    it "gets an error for the beginning of a command, which must not start a server" do
      expect(Karafka::Server).not_to receive(:run)
      %w[serve se ser].each { |name| expect(run(name)).to match([1, "", /Could not find command "#{name}"/]) }
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
      # A Rails of its own is in spec/integration.
      allow(Karafka::Cli::Boot).to receive(:require).and_call_original
      allow(Karafka::Cli::Boot).to receive(:require).with("rails")
      allow(Karafka::Cli::Boot).to receive(:require_relative).with("../runtime/on_rails/railtie")
      allow(Karafka::OnRails::Jobs).to receive(:follow)
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

  describe Karafka::Cli::ConsoleCommand do
    it "says what to add to the Gemfile where irb is not in the bundle, as from Ruby 4.0 on" do
      boot_file
      command = described_class.new
      allow(command).to receive(:require).with("irb").and_raise(LoadError)
      expect { command.call }.to raise_error(Karafka::Errors::CommandError, /add `gem "irb"` to the Gemfile/)
    end
  end

  it "prints its version and its help" do
    expect(run("version")).to eq([0, "karafka-rs #{Karafka::VERSION}\n", ""])
    expect(run("help")).to match([0, /server.*short: s/, ""])
    expect(%w[--help -h].map { |flag| run(flag) }).to all(eq(run("help")))
    %w[--help -h].each { |flag| expect(run("server", flag)).to match([0, /Usage:\n  karafka server/, ""]) }
  end

  it "says that nothing was set up where no boot file was loaded" do
    expect { app.boot! }.to be_refused(%r{Nothing was set up.*there is no boot file #{directory}/karafka.rb})
    expect(Karafka.producer).to be_nil
    expect { WaterDrop.producer }.to raise_error(WaterDrop::Errors::ProducerNotConfiguredError, /Nothing was set up.*no boot file/)
    File.write("karafka.rb", "")
    expect { app.boot! }.to be_refused(/karafka.rb was not loaded: `require/)
    expect(run("server")).to match([1, "", /karafka.rb does not call Karafka::App.setup/])
    ENV["KARAFKA_BOOT_FILE"] = "false"
    expect(run("server")).to match([1, "", /KARAFKA_BOOT_FILE=false leaves/])
    ENV["KARAFKA_BOOT_FILE"] = nil
    expect { app.setup { nil } }.to be_refused(/\Aconfig.kafka has no "bootstrap.servers": set/)
  end

  it "prints at once what a consumer prints, whatever standard output is" do
    File.write("karafka.rb", "$stdout.write('printed'); sleep")
    Open3.popen2(RbConfig.ruby, File.expand_path("../../../exe/karafka", __dir__), "server") do |_, out, thread|
      expect(out.readpartial(100)).to eq("printed")
    ensure
      Process.kill(:KILL, thread.pid)
    end
  end

  it "loads no Thor for a server without options, and says as well what is wrong" do
    { "server" => "no Thor\n", "s" => "Thor\n" }.each do |command, loaded|
      File.write("karafka.rb", "puts defined?(Thor) ? 'Thor' : 'no Thor'; raise 'no settings'")
      out, err, status = Open3.capture3(RbConfig.ruby, File.expand_path("../../../exe/karafka", __dir__), command)
      expect([out, status.exitstatus]).to eq([loaded, 1])
      expect(err).to start_with("karafka: RuntimeError: no settings (#{directory}/karafka.rb:1")
    end
  end

  it "is both executables" do
    %w[karafka karafka-rs].each do |name|
      out, status = Open3.capture2e(RbConfig.ruby, File.expand_path("../../../exe/#{name}", __dir__), "server")
      expect([out.include?("there is no boot file"), out.lines.size, status.exitstatus]).to eq([true, 1, 1])
    end
  end
end
