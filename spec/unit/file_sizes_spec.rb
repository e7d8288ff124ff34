# frozen_string_literal: true

require "tmpdir"
require_relative "../support/file_sizes"

RSpec.describe FileSizes do
  it "names a file that is too long, and none that was built" do
    Dir.mktmpdir do |root|
      { "lib/long.rb" => 351, "lib/fine.rb" => 350, "ext/core/src/long.rs" => 400, "ext/core/target/built.rs" => 999 }.each do |path, lines|
        FileUtils.mkdir_p(File.join(root, File.dirname(path)))
        File.write(File.join(root, path), "#\n" * lines)
      end
      expect(described_class.findings(root).map { |found| found[/\A\S+: \d+ lines/] })
        .to eq(["ext/core/src/long.rs: 400 lines", "lib/long.rb: 351 lines"])
    end
  end
end
