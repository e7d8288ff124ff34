# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"

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
