# frozen_string_literal: true

require "open3"
require "rbconfig"

RSpec.describe "loading the gem" do
  def ruby(code, *arguments)
    Open3.capture3(RbConfig.ruby, *arguments, "-I", File.expand_path("../../../lib", __dir__), "-e", code)
  end

  %w[karafka karafka-rs].each do |name|
    it "works by require \"#{name}\", starts no thread and does not load the extension" do
      out, err, status = ruby(<<~RUBY)
        require "#{name}"
        p [Karafka::VERSION, Thread.list.size, $LOADED_FEATURES.grep(/karafka_rs\\.(so|bundle)/).size]
      RUBY
      expect([err, status.success?, out]).to eq(["", true, "#{[Karafka::VERSION, 1, 0].inspect}\n"])
    end
  end

  %w[karafka waterdrop].each do |name|
    it "is refused at once beside the gem #{name}, with what to remove" do
      _, err, status = ruby("Gem.loaded_specs['#{name}'] = Gem::Specification.new('#{name}', '2.0'); require 'karafka'")
      expect(status).not_to be_success
      expect(err).to match(/replaces the gem #{name}, which is active.*Remove one: delete `gem "#{name}"`/)
        .and include("Karafka::Errors::ConflictingGemError")
    end
  end

  it "can load every file" do
    out, err, = ruby("require 'karafka'; Karafka.const_get(:Setup); Zeitwerk::Loader.eager_load_all; puts :fine", "-w")
    expect(out).to eq("fine\n"), err
    expect(err.lines.grep(%r{/lib/karafka})).to eq([])
  end
end
