# frozen_string_literal: true

require "rbconfig"

# Gems that a Ruby may lack, such as those in C where Debian has them for another one only.
module OptionalGems
  @loads = {}

  # In a process of its own, outside of the bundle: what one gem brings may be in the way of another.
  # @param names [Array<String>] what is required
  # @return [String, nil] why examples that need them are left out; nil: they load
  def self.missing(*names)
    script = names.map { |name| "require #{name.inspect}" }.join("; ")
    env = %w[BUNDLE_GEMFILE RUBYOPT RUBYLIB].to_h { |name| [name, nil] }
    loads = @loads.fetch(names) do
      @loads[names] = system(env, RbConfig.ruby, "-e", script, out: File::NULL, err: File::NULL) || false
    end
    "Ruby #{RUBY_VERSION} cannot load #{names.join(", ")} here" unless loads
  end
end
