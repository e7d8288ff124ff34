# frozen_string_literal: true

require "digest"
require "open3"
require "rbconfig"
require "support/sample_application"

# The command as it is run in an application that still has its old Gemfile.
RSpec.describe Karafka::Cli::MigrateCommand do
  include SampleApplication

  let(:files) do
    { "Gemfile" => "source 'https://rubygems.org'\ngem 'racecar'\n", "Gemfile.lock" => "GEM\n  specs:\n    racecar (2.12.0)\n",
      "karafka.rb" => "File.write('run', '')\nraise 'run'\n", "config/environment.rb" => "raise 'run'\n", "config/racecar.rb" => "exit 7\n",
      "app/a_consumer.rb" => "File.write('run', '')\nclass A < Racecar::Consumer\n  def process(m) = heartbeat\nend\n" }
  end

  # @return [Array(String, String, Integer)]
  def run(*arguments, **env)
    lib = File.expand_path("../../../../lib", __dir__)
    command = File.expand_path("../../../../exe/karafka-rs", __dir__)
    clean = { "BUNDLE_GEMFILE" => nil, "RUBYOPT" => nil, "RACECAR_BROKERS" => nil }.merge(env)
    out, err, status = Open3.capture3(clean, RbConfig.ruby, "-I", lib, command, "doctor", "--migrate", *arguments, chdir: directory)
    [out, err, status.exitstatus]
  end

  def snapshot
    Dir.glob("**/*", File::FNM_DOTMATCH, base: directory).sort.to_h do |path|
      file = File.join(directory, path)
      [path, File.file?(file) ? [Digest::SHA256.file(file).hexdigest, File.mtime(file)] : nil]
    end
  end

  it "runs before the Gemfile changes, where no gem is installed but ours, and neither runs nor changes anything" do
    write(files)
    before = snapshot
    out, err, status = run
    expect([err, status, snapshot]).to eq(["", 2, before])
    expect(out).to eq(<<~TEXT)
      racecar 2.12.0: see docs/migration/racecar.md

      Gemfile
        do       2  gem "racecar": write `gem "karafka-rs", require: "karafka/compat/racecar"` instead

      app/a_consumer.rb
        works    2  Racecar::Consumer
        changes  3  def process: runs in a worker thread; as before, one at a time for the whole process; `teardown` runs in the main thread
        changes  3  heartbeat: does nothing, and says so once

      1 to do, 2 that change their meaning, 1 that work as they stand, in 6 files. Nothing was run or changed.
    TEXT
    expect(JSON.parse(run("--json").first)).to include("status" => 2, "files_read" => 6, "unread" => [])
  end

  it "says where there is nothing to move" do
    out, err, status = run
    expect([err, status]).to eq(["", 0])
    expect(out).to start_with("No library that karafka-rs takes the place of is used in #{directory}.")
  end

  it "joins what is the same within a file, and cuts the list of lines" do
    write("a.rb" => "class A < Racecar::Consumer\n#{"  heartbeat\n" * 6}end\n")
    out = StringIO.new
    described_class.new({}, root: directory, terminal: Karafka::Cli::Terminal.new(out: out)).call
    expect(out.string).to include("changes  2, 3, 4, 5 and 2 more  heartbeat: ")
  end

  it "finds nothing to do in the examples of this repository, which run" do
    Dir.glob(File.expand_path("../../../../examples/{racecar,phobos,delivery_boy,ruby_kafka,app_today}", __dir__)).each do |example|
      out = StringIO.new
      status = described_class.new({}, root: example, terminal: Karafka::Cli::Terminal.new(out: out)).call
      expect(status).to eq(0), "#{example}\n#{out.string}"
    end
  end
end
