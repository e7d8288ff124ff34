# frozen_string_literal: true

require "karafka/compat/racecar"
require "support/adapter_application"
require "support/rails_app"

RSpec.describe "the generators of racecar" do
  include AdapterApplication

  before { skip(RailsApp.missing) if RailsApp.missing }

  # Rails finds them on the load path, which has them only with the adapter.
  def generate(app, name, *arguments)
    script = "require \"karafka/compat/racecar\"; require \"generators/racecar/#{name}_generator\"; " \
             "Racecar::Generators::#{name.capitalize}Generator.start(ARGV)"
    env = { "RUBYOPT" => nil, "BUNDLE_GEMFILE" => nil }
    Open3.capture2e(env, RbConfig.ruby, "-I", File.join(AdapterApplication::ROOT, "lib"), "-e", script, "--", *arguments, chdir: app.dir)
  end

  it "racecar:install makes the configuration file and the commands" do
    application do |app|
      out, = generate(app, "install")
      expect(out).to include("config/racecar.yml", "bin/racecar", "bin/racecarctl")
      expect(File.executable?(app.path("bin/racecar"))).to be(true)
      expect(app.read("config/racecar.yml")).to include("common:", "production:")
    end
  end

  it "racecar:consumer makes a class that loads" do
    application do |app|
      generate(app, "consumer", "TapDance")
      load app.path("app/consumers/tap_dance_consumer.rb")
      expect(TapDanceConsumer.subscriptions.map(&:topic)).to eq(["some-topic"])
      expect(TapDanceConsumer.method_defined?(:process)).to be(true)
    end
  ensure
    Object.send(:remove_const, :TapDanceConsumer) if defined?(TapDanceConsumer)
  end
end
