# frozen_string_literal: true

# What differs between systems is in few places.
RSpec.describe "the sources" do
  root = File.expand_path("../../..", __dir__)

  it "read /proc in one file, which has what macOS has instead" do
    readers = Dir.glob(%w[ext/*/{src,tests,examples}/**/*.rs lib/**/*.rb], base: root).select do |path|
      File.read(File.join(root, path), encoding: "UTF-8").include?("\"/proc")
    end
    expect(readers).to eq(["ext/karafka_core/src/base/memory.rs"])
    expect(File.read(File.join(root, readers.first))).to include("target_os = \"macos\"", "proc_pidinfo")
  end
end
