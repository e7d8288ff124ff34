# frozen_string_literal: true

require "support/sample_application"
require "support/wait"

# What is in real trees, and must not stop the examination.
RSpec.describe "karafka doctor --migrate", "of odd files" do
  include SampleApplication

  def unread(report) = report[:unread].to_h { |one| [one[:file], one[:reason]] }
  def consumer(name = "A") = "class #{name} < Racecar::Consumer\n  def process(m) = heartbeat\nend\n"

  it "finds names in broken Ruby, says at which line it breaks, and ends with 1 where nothing else is to do" do
    report = examined("app/a.rb" => "class A < Racecar::Consumer\n  def process(m\n    heartbeat\nend\n")
    expect([report[:status], short(report, "app/a.rb")]).to eq([1, ["1 works Racecar::Consumer"]])
    expect(unread(report)).to match("app/a.rb" => /no Ruby that #{RUBY_VERSION} can read \(line 3\)/)
  end

  it "reads other encodings, byte order marks, Windows' line ends and bytes that are none" do
    latin = "# coding: iso-8859-1\nX = \"\xE9\"\n#{consumer}".b
    report = examined(
      "a/latin.rb" => latin, "a/unknown.rb" => "# coding: klingon\n#{consumer}", "a/bom.rb" => "\uFEFF#{consumer}",
      "a/windows.rb" => consumer.gsub("\n", "\r\n"), "a/bytes.rb" => "# \xFF\xFE\xFA\n#{consumer}".b,
      "a/utf16.rb" => "\xFF\xFE".b + consumer.encode("UTF-16LE").b, "a/random.rb" => "consumer#{Random.new(1).bytes(2_000)}".b
    )
    expected = { "latin" => 3, "unknown" => 2, "bom" => 1, "windows" => 1, "bytes" => 2, "utf16" => 1 }
    expected.each do |name, line|
      expect(short(report, "a/#{name}.rb")).to include("#{line} works Racecar::Consumer", "#{line + 1} changes heartbeat"), name
    end
    expect(unread(report).keys).to eq(["a/random.rb"])
  end

  it "follows no links in circles, opens no pipes, and leaves dependencies out" do
    write("app/a.rb" => consumer, "vendor/bundle/b.rb" => consumer, "node_modules/c/c.rb" => consumer)
    File.symlink(".", "#{directory}/app/self")
    File.symlink(directory, "#{directory}/app/up.rb")
    File.symlink("missing", "#{directory}/app/nowhere.rb")
    File.symlink("loop.rb", "#{directory}/app/loop.rb")
    File.mkfifo("#{directory}/app/pipe.rb")
    report = examined
    expect(report[:findings].map { |finding| finding[:file] }.uniq).to eq(["app/a.rb"])
    expect(report[:status]).to eq(0)
  end

  it "says which files are too long, cannot be read, or are too many" do
    write("app/long.rb" => "#{consumer}#{"# x\n" * 250_001}", "app/a.rb" => consumer, "app/b.rb" => consumer("B"))
    tree = Karafka::Cli::Migration::Tree.new(directory, most_files: 2)
    found = Karafka::Cli::Migration::Examination.new(directory, tree: tree).call
    expect(found.map(&:file).uniq).to eq(%w[app/a.rb app/b.rb])
    expect(tree.unread.map(&:to_a)).to match([[".", /3 files .* only the first 2/]])
    expect(unread(examined)).to match("app/long.rb" => /1000\d+ bytes, more than 1000000/)
  end

  it "reads YAML without running its ERB, also where that leaves no YAML, and makes no objects of it" do
    report = examined(
      "config/racecar.yml" => <<~YAML,
        <% raise "run" %>
        common: &common
          brokers: <%= `touch run`
            ENV["X"] %>
          pause_timeout: -1
        production: { <<: *common, max_wait_time: 1 }
        evil: !ruby/object:Kernel { heartbeat_interval: 1 }
      YAML
      "config/phobos.yml" => "kafka:\n  client_id: <%= 1 %>\n<% if a %>\nproducer: [1\n<% end %>\n  delivery_interval: 1\nlogs:\n  a: 1\n",
      "config/delivery_boy.yml" => "- a\n- b\n"
    )
    expect(short(report, "config/racecar.yml"))
      .to eq(["3 works brokers", "5 changes pause_timeout", "6 changes max_wait_time", "7 works heartbeat_interval"])
    expect(short(report, "config/phobos.yml")).to include("1 works kafka", "6 changes producer.delivery_interval", "7 do logs")
    expect(unread(report).keys).to eq(["config/phobos.yml"])
    expect(File.exist?("#{directory}/run")).to be(false)
  end

  it "gives up a file that is nested too deeply, and goes on", deadline: 240 do
    report = examined("a.rb" => "kafka#{".a" * 30_000}\n", "b.rb" => "kafka = #{"[" * 3_000}#{"]" * 3_000}\n", "c.rb" => consumer)
    expect(unread(report)).to include("a.rb" => /nested too deeply/)
    expect(short(report, "c.rb")).not_to be_empty
  end

  it "answers for any text: no file makes it raise" do
    random = Random.new(RSpec.configuration.seed)
    samples = Dir.glob(File.expand_path("../../../../examples/**/*.{rb,yml}", __dir__)).map { |path| File.binread(path) }
    100.times do |number|
      text = samples.sample(random: random).dup
      random.rand(1..4).times { text.slice!(random.rand(text.bytesize + 1), random.rand(1..30)) }
      text.insert(random.rand(text.bytesize + 1), random.bytes(3)) if number.odd?
      name = %w[app/kafka.rb config/racecar.yml config/phobos.yml Gemfile Gemfile.lock Procfile].sample(random: random)
      expect(examined(name => text)[:status]).to be_between(0, 2), "round #{number}"
    end
  end

  it "reads a tree of thousands of files in seconds", deadline: 240 do
    write(Array.new(3_000) { |number| ["app/m#{number % 50}/c#{number}_consumer.rb", consumer("C#{number}")] }.to_h)
    started = Karafka::Clock.now
    expect(examined[:files_read]).to eq(3_000)
    expect(Karafka::Clock.now - started).to be < 60
  end
end
