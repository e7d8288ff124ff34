# frozen_string_literal: true

require "fileutils"
require "open3"
require "rbconfig"
require "tmpdir"

RSpec.describe "docs/testing.md" do
  root = File.expand_path("../../..", __dir__)
  blocks = File.read(File.join(root, "docs/testing.md")).scan(/^```ruby\n(.*?)^```/m).flatten

  it "has examples that pass as they stand, in an application" do
    Dir.mktmpdir do |directory|
      files = blocks.group_by { |block| block[%r{\A# ((?:spec|test)/\S+)}, 1] }
      application = files[nil].find { |block| block.include?("OrdersConsumer") }
      files.compact.merge("karafka.rb" => ["require \"karafka\"\n#{application}"]).each do |path, texts|
        next unless path

        FileUtils.mkdir_p(File.join(directory, File.dirname(path)))
        File.write(File.join(directory, path), texts.join)
      end
      env = { "RUBYLIB" => File.join(root, "lib"), "KARAFKA_LOG_LEVEL" => "fatal" }
      out, status = Open3.capture2e(env, "rspec", "--require", "./spec/spec_helper", "--order", "random", chdir: directory)
      expect([status.success?, out[/(\d+) examples, 0 failures/, 1]]).to eq([true, "4"]), out
      out, status = Open3.capture2e(env, RbConfig.ruby, "-W0", "-r", "./karafka", "test/orders_consumer_test.rb", chdir: directory)
      expect([status.success?, out[/(\d+) runs, .* 0 failures, 0 errors/, 1]]).to eq([true, "2"]), out
    end
  end
end
