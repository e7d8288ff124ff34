# frozen_string_literal: true

require "open3"
require "rbconfig"

# In a process of its own, where the gem seems to be active.
RSpec.describe "an adapter beside the gem that it replaces" do
  %w[racecar phobos].each do |gem|
    it "#{gem} is refused, and the error says which line to delete" do
      script = "Gem.loaded_specs[#{gem.inspect}] = Gem::Specification.new(#{gem.inspect}); require \"karafka/compat/#{gem}\""
      out, status = Open3.capture2e(RbConfig.ruby, "-I", File.expand_path("../../../lib", __dir__), "-e", script)
      expect(status.success?).to be(false)
      expect(out).to include("Karafka::Errors::ConflictingGemError", "delete `gem \"#{gem}\"`")
    end
  end
end
