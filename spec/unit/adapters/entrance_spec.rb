# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"
require "karafka/adapters/entrance"

RSpec.describe Karafka::Adapters::Entrance do
  around do |example|
    path = $LOAD_PATH.dup
    example.run
  ensure
    $LOAD_PATH.replace(path)
  end

  it "puts the files with the other gem's names on the load path, once" do
    2.times { described_class.open("some_gem", stubs: "/stubs", active: { "karafka-rs" => :spec }) }
    expect([$LOAD_PATH.first, $LOAD_PATH.count("/stubs")]).to eq(["/stubs", 1])
  end

  it "refuses to stand beside the gem that it replaces, and says what to delete" do
    expect { described_class.open("some_gem", stubs: "/stubs", active: { "some_gem" => :spec }) }.to raise_error(
      Karafka::Errors::ConflictingGemError,
      "karafka/compat/some-gem takes the place of the gem some_gem, which is active in this process too. Remove one: delete " \
      "`gem \"some_gem\"` (and gems that depend on it) from the Gemfile to run its code on karafka-rs, or do not require " \
      "karafka/compat/some-gem."
    )
    expect($LOAD_PATH).not_to include("/stubs")
  end

  it "costs an application that requires no adapter nothing: none of its files is loaded, no load path is added" do
    script = <<~RUBY
      require "karafka"
      own = $LOADED_FEATURES.grep(%r{karafka/adapters/|compat/(ruby-kafka|delivery_boy|racecar|phobos)\\.rb})
      print [own, $LOAD_PATH.grep(%r{karafka/adapters}), %i[Kafka DeliveryBoy Racecar Phobos].select { |name| Object.const_defined?(name) }].inspect
    RUBY
    lib = File.expand_path("../../../lib", __dir__)
    expect(Open3.capture2e(RbConfig.ruby, "-I#{lib}", "-e", script).first).to eq("[[], [], []]")
  end
end
