# frozen_string_literal: true

require "tmpdir"
require "karafka/adapters/settings_file"
require "karafka/compat/racecar"
require "karafka/compat/phobos"
require "karafka/compat/delivery_boy"

RSpec.describe Karafka::Adapters::SettingsFile do
  around do |example|
    Dir.mktmpdir do |dir|
      @path = File.join(dir, "settings.yml")
      example.run
    end
  end

  def written(text) = @path.tap { |path| File.write(path, text) }

  it "reads YAML with aliases and symbols, after ERB; nothing is no settings" do
    expect(described_class.read(written("a: &a\n  b: <%= 1 + 1 %>\nc:\n  <<: *a\n  d: :all\n"), ArgumentError))
      .to eq("a" => { "b" => 2 }, "c" => { "b" => 2, "d" => :all })
    expect(described_class.read(written("# nothing\n"), ArgumentError)).to eq({})
  end

  mistakes = {
    "a: 1\nb: <%= ENV.fetch('NOBODY_SETS_THIS') %>\n" => /settings\.yml:2: KeyError: key not found: "NOBODY_SETS_THIS"\z/,
    "a: <%= no_such_method %>\n" => /settings\.yml:1: NameError: undefined local variable or method [`']no_such_method'/,
    "a: <% if %>\n" => /settings\.yml: SyntaxError: .*settings\.yml:1: syntax error/,
    "a: [\n" => /settings\.yml: .*line 2/,
    "- a\n" => /settings\.yml has to consist of sections with settings below them, and begins with \["a"\]\z/,
    "a: !ruby/object:Object {}\n" => /settings\.yml: Tried to load unspecified class: Object/
  }
  readers = {
    "racecar" => ->(path) { Racecar::Config.new(env: {}).load_file(path, "development") },
    "delivery_boy" => ->(path) { DeliveryBoy::Config.new(env: {}).load_file(path, "development") },
    "phobos" => ->(path) { Phobos.configure(path) }
  }
  errors = { "racecar" => KingKonf::ConfigError, "delivery_boy" => DeliveryBoy::ConfigError, "phobos" => Phobos::ConfigurationError }

  readers.each do |library, reader|
    mistakes.each do |text, words|
      it "says in one error of #{library} what is wrong with #{text.inspect}, and where" do
        expect { reader.call(written(text)) }.to raise_error(errors.fetch(library), words)
      end
    end

    it "says in an error of #{library} that there is no such file" do
      expect { reader.call("/nowhere.yml") }.to raise_error(errors.fetch(library), "/nowhere.yml does not exist")
    end
  end

  it "takes no defaults where the environment has no section: they would be those of another cluster" do
    path = written("production:\n  brokers: a:1\n")
    expect { Racecar::Config.new(env: {}).load_file(path, "staging") }
      .to raise_error(KingKonf::ConfigError, "#{path} has no section staging and none `common`; it has production")
    expect { DeliveryBoy::Config.new(env: {}).load_file(path, "staging") }
      .to raise_error(DeliveryBoy::ConfigError, "#{path} has no section staging; it has production")
  end

  it "refuses a value for a setting that does not exist, with a suggestion" do
    [Racecar::Config, DeliveryBoy::Config].each do |config|
      expect { config.new(env: {}).broker = "a" }
        .to raise_error(KingKonf::ConfigError, /unknown configuration variable "?broker"?\. Did you mean `?brokers/)
      expect { config.new(env: {}).nonsense }.to raise_error(NoMethodError)
    end
  end
end
