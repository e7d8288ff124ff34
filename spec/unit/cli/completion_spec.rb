# frozen_string_literal: true

require "spec_helper"
require "karafka/cli"
require "thor"
require "open3"
require "stringio"

RSpec.describe Karafka::Cli::CompletionCommand do
  def script(shell)
    out = StringIO.new
    described_class.new(shell, out: out).call
    out.string
  end

  # What bash offers with the cursor behind the last word.
  def offered(*typed)
    code = "#{script("bash")}\nCOMP_WORDS=(karafka #{typed.map { |word| "'#{word}'" }.join(" ")})\nCOMP_CWORD=#{typed.size}\n" \
           "_karafka\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"
    output, status = Open3.capture2("bash", "-u", stdin_data: code)
    expect(status).to be_success
    output.split
  end

  it "completes commands" do
    expect(offered("")).to include("server", "routes", "completion", "broker")
    expect(offered("se")).to eq(["server"])
    expect(offered("worker")).to match_array(%w[worker workers])
    expect(offered("stat")).to eq(%w[status])
  end

  it "completes the options of a command, also behind its arguments" do
    expect(offered("broker", "--")).to include("--topics", "--brokers", "--help")
    expect(offered("broker", "--topics", "orders", "--br")).to eq(["--brokers"])
    expect(offered("completion", "bash", "--h")).to eq(["--help"])
    expect(offered("top", "app-1:9394", "--")).to include("--once", "--json", "--stuck")
  end

  it "completes the commands below a command" do
    stub_const("Below", Class.new(Thor) do
      desc "list", "All"
      define_method(:list) { nil }
    end)
    commands = Class.new(Thor) do
      desc "topics", "Topics"
      subcommand "topics", Below
    end
    out = StringIO.new
    described_class.new("bash", out: out, commands: commands).call
    # Thor has had a command `tree` since 1.3.
    expect(out.string).to match(/"topics"\) words="help (tree )?list"/)
  end

  %w[zsh fish].each do |shell|
    it "writes a script that #{shell} can read, where it is installed" do
      text = script(shell)
      expect(text).to include("server", "routes", "address-file")
      if system("command -v #{shell} > /dev/null")
        output, status = Open3.capture2e(shell, "-n", stdin_data: text)
        expect(status).to be_success, output
      end
    end
  end

  it "refuses another shell by name" do
    expect { script("tcsh") }.to raise_error(Karafka::Errors::CommandError, 'no completion for "tcsh"; there is one for bash, zsh, fish')
  end
end
