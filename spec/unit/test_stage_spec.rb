# frozen_string_literal: true

require "json"
require "open3"
require "tmpdir"

# Runs stages over suites of their own, in a process and a directory of their own. All of that takes long on a busy machine.
RSpec.describe "spec/support/test_stage.rb", deadline: 600 do
  around { |example| Dir.mktmpdir { |directory| Dir.chdir(directory) { example.run } } }

  # @return [Hash] counts and notes of a stage; and "output", what it printed
  def stage(body)
    script = <<~RUBY
      require #{File.expand_path("../support/test_stage", __dir__).inspect}
      require "json"
      stage = TestStage.new("tried")
      stage.run { |s| #{body} }
      File.write("counts.json", JSON.generate(%i[passed failed skipped unsteady notes].to_h { |name| [name, stage.public_send(name)] }))
    RUBY
    output, status = Open3.capture2e({ "PATH" => "#{Dir.pwd}:#{ENV.fetch("PATH")}" }, RbConfig.ruby, "-e", script)
    raise output unless status.success?

    JSON.parse(File.read("counts.json")).merge("output" => output)
  end

  def counts(result) = result.values_at("passed", "failed", "skipped", "unsteady")

  describe "specs" do
    let(:each_file) { 's.rspec_each(Dir["*_spec.rb"], timeout: 300, at_once: 2)' }
    # True when it is asked the first time, and no more.
    let(:first_time) { '(!File.exist?("seen") && File.write("seen", ""))' }

    def write_spec(file, *bodies)
      examples = bodies.each_with_index.map { |body, index| "it('example #{index}') { #{body} }" }
      File.write(file, "RSpec.describe('#{file}') do\n#{examples.join("\n")}\nend\n")
    end

    it "runs an example that failed once more, and names it where it passes then" do
      write_spec("a_spec.rb", "raise 'by chance' if #{first_time}", "expect(1).to eq(1)", "skip 'no reason'")
      write_spec("b_spec.rb", "expect(1).to eq(1)")
      result = stage(each_file)
      expect(counts(result)).to eq([3, 0, 1, 1])
      expect(result["notes"]).to include("unsteady: ./a_spec.rb[1:1]")
      expect(result["output"]).to include("-- unsteady: ./a_spec.rb[1:1]\na_spec.rb example 0\nRuntimeError: by chance\n")
    end

    it "does so for files that share a process, and fails what fails again" do
      write_spec("a_spec.rb", "raise 'by chance' if #{first_time}", "expect(1).to eq(1)")
      write_spec("b_spec.rb", "expect(1).to eq(2)")
      result = stage('s.rspec("all", "a_spec.rb", "b_spec.rb", timeout: 300)')
      expect(counts(result)).to eq([2, 1, 0, 1])
      expect(result["notes"]).to contain_exactly("unsteady: ./a_spec.rb[1:1]", "failed: ./b_spec.rb[1:1]")
      expect(result["output"]).to match(/^-- failed: .*b_spec.rb\[1:1\]\n.*example 0\n.*expected: 2/m)
    end

    it "runs a file again as a whole where more failed than a few" do
      write_spec("a_spec.rb", "expect(1).to eq(1)", *["raise 'by chance' if FIRST"] * 4)
      File.write("a_spec.rb", "FIRST = #{first_time}\n", mode: "a")
      result = stage(each_file)
      expect([counts(result), result["notes"]]).to eq([[5, 0, 0, 1], ["unsteady: a_spec.rb"]])

      write_spec("a_spec.rb", *["expect(1).to eq(2)"] * 4)
      expect(counts(stage(each_file))).to eq([0, 4, 0, 0])
      expect(counts(stage('s.rspec("all", "a_spec.rb", timeout: 300)'))).to eq([0, 4, 0, 0])
    end

    it "runs a file again that died" do
      write_spec("a_spec.rb", "Process.kill(:KILL, Process.pid) if #{first_time}")
      write_spec("b_spec.rb", "Process.kill(:KILL, Process.pid)")
      result = stage(each_file)
      expect(counts(result)).to eq([1, 1, 0, 1])
      expect(result["notes"]).to contain_exactly("unsteady: a_spec.rb", "b_spec.rb: did not run to its end")
    end

    # A command that takes no time to start, so that the deadline of the second run can be short, too.
    it "runs a file again that hung" do
      report = JSON.generate(version: "3", examples: [{ id: "1", status: "passed" }], summary: { errors_outside_of_examples_count: 0 })
      File.write("rspec", "#!/bin/sh\nif [ -e seen ]; then echo '#{report}' > $7; else touch seen; sleep 600; fi\n", perm: 0o755)
      result = stage('s.rspec_each(["a_spec.rb"], timeout: 15)')
      expect([counts(result), result["notes"]]).to eq([[1, 0, 0, 1], ["unsteady: a_spec.rb"]])

      File.delete("seen")
      expect(stage('s.rspec("all", "a_spec.rb", timeout: 1)')).to include("failed" => 1, "notes" => ["all: ended after 1 s"])
    end

    it "fails a file that can't be loaded" do
      File.write("a_spec.rb", "raise 'not loaded'")
      expect(counts(stage(each_file))).to eq([0, 1, 0, 0])
    end

    it "fails an example that ends the process as if all were well" do
      write_spec("a_spec.rb", "exit 0")
      expect(counts(stage("#{each_file}; s.rspec('all', 'a_spec.rb', timeout: 300)"))).to eq([0, 2, 0, 0])
    end
  end

  describe "Rust tests" do
    let(:root) { File.expand_path("../..", __dir__) }

    # A crate with the tests `first::*` and `second::*`, a binary each.
    def write_crate(first:, second:)
      FileUtils.mkdir_p("tests")
      FileUtils.cp(File.join(root, "rust-toolchain.toml"), ".")
      package = %(name = "tried"\nversion = "0.1.0"\n)
      File.write("Cargo.toml", %([package]\n#{package}edition = "2021"\n[lib]\npath = "lib.rs"\ntest = false\n))
      File.write("Cargo.lock", %(version = 3\n\n[[package]]\n#{package}))
      File.write("lib.rs", "")
      { "first" => first, "second" => second }.each do |binary, tests|
        bodies = tests.map { |name, body| "#[test] fn #{name}() { #{body} }" }
        File.write("tests/#{binary}.rs", bodies.join("\n"))
      end
    end

    # @return [String] panics when the test runs the first time, and no more
    def by_chance(name) = %(if std::fs::File::create_new("#{name}").is_ok() { panic!("#{name} by chance"); })

    let(:all) { 's.cargo_test("cargo test", "--tests", "--", "--skip", "slow", timeout: 500)' }

    it "run all binaries, and once more what failed" do
      write_crate(first: { one: by_chance("one"), two: "", slow: "panic!()" }, second: { three: by_chance("three"), four: "panic!()" })
      result = stage(all)
      expect(counts(result)).to eq([3, 1, 0, 2])
      expect(result["notes"]).to contain_exactly("unsteady: one", "unsteady: three", "failed: four")
      expect(result["output"]).to match(/^-- unsteady: one\n.*one by chance/m)
    end

    it "fail where more failed than a few, or a binary died" do
      write_crate(first: %w[a b c d].to_h { |name| [name, by_chance(name)] }, second: { five: "" })
      expect(counts(stage(all))).to eq([1, 4, 0, 0])

      write_crate(first: { one: "std::process::exit(0)" }, second: { two: by_chance("two") })
      result = stage(all)
      expect(counts(result)).to eq([0, 2, 0, 0])
      expect(result["notes"]).to eq(["cargo test: did not run to its end", "failed: two"])
    end
  end
end
