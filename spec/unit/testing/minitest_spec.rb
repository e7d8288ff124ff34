# frozen_string_literal: true

require "open3"
require "rbconfig"

RSpec.describe "the testing kit under Minitest" do
  it "passes its own tests there, in parallel threads and in any order, and leaves no thread" do
    seed = RSpec.configuration.seed.to_s
    out, status = Open3.capture2e({ "N" => "4" }, RbConfig.ruby, "-W0", "spec/support/minitest_kit.rb", "--seed", seed,
                                  chdir: File.expand_path("../../..", __dir__))
    expect(status.success?).to be(true), out
    expect(out[/(\d+) runs, (\d+) assertions, 0 failures, 0 errors, 0 skips/, 1].to_i).to be(29)
    expect(out).to include("threads: 0")
  end
end
