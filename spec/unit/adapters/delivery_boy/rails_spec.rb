# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"
require "support/rails_app"

# In processes of their own: Rails is loaded before the adapter, as by Bundler.
RSpec.describe "delivery_boy's adapter in Rails" do
  before { skip(RailsApp.missing) if RailsApp.missing }

  around { |example| Dir.mktmpdir { |dir| (@dir = dir) && example.run } }

  def run_in_rails(script)
    File.write(File.join(@dir, "script.rb"), <<~RUBY)
      require "rails"
      require "logger"
      require "karafka/compat/delivery_boy"
      class Shop < Rails::Application
        config.root = #{@dir.inspect}
        config.eager_load = false
        config.logger = Logger.new(nil)
      end
      #{script}
    RUBY
    env = { "RAILS_ENV" => "production", "RUBYOPT" => nil, "BUNDLE_GEMFILE" => nil }
    lib = File.expand_path("../../../../lib", __dir__)
    output, status = Open3.capture2e(env, RbConfig.ruby, "-I#{lib}", File.join(@dir, "script.rb"), chdir: "/")
    raise output unless status.success?

    output
  end

  it "reads the application's files for its environment, and logs where Rails does" do
    FileUtils.mkdir_p(File.join(@dir, "config"))
    File.write(File.join(@dir, "config/delivery_boy.yml"), "production:\n  client_id: <%= 'a' * 2 %>\n")
    File.write(File.join(@dir, "config/delivery_boy.rb"), "DeliveryBoy.configure { |config| config.max_retries = 7 }\n")
    expect(run_in_rails(<<~RUBY)).to eq("[\"aa\", 7, true]")
      Rails.application.initialize!
      print [DeliveryBoy.config.client_id, DeliveryBoy.config.max_retries, DeliveryBoy.logger.equal?(Rails.logger)].inspect
    RUBY
  end

  it "has the generator delivery_boy:install, whose file can be read" do
    run_in_rails(<<~RUBY)
      require "rails/generators"
      Rails::Generators.invoke("delivery_boy:install", ["--quiet"], destination_root: #{@dir.inspect})
    RUBY
    expect(run_in_rails("Rails.application.initialize!; print DeliveryBoy.config.client_id")).to eq("shop")
  end
end
