# frozen_string_literal: true

require "open3"
require "rbconfig"

RSpec.describe Karafka::Runtime do
  let(:script) do
    <<~RUBY
      require "karafka"
      class OneConsumer < Karafka::BaseConsumer
        def consume; end
      end
      # As in `karafka server`, where setup leaves that to the start.
      Karafka::Cli.instance_variable_set(:@running, true)
      Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:9" } }
      puts Karafka::Messages.autoload?(:Batch).nil?, $LOADED_FEATURES.grep(/waterdrop/).size
      Karafka::App.routes.draw { topic(:one) { consumer OneConsumer } }
      Karafka::Embedded.start
      puts [Karafka, Karafka::Deserializers, Karafka::Failures, Karafka::Messages].flat_map { |place|
        place.constants.select { |name| place.autoload?(name) && !%i[ActiveJob BaseWorker Cli Declaratives Flow].include?(name) }
      }.inspect
      $stdout.flush
      Process.exit!(0)
    RUBY
  end

  # An interrupt in the middle of loading would leave a constant missing for good. Routes with jobs, and with the backend of
  # Sidekiq, load theirs as they are drawn.
  it "leaves nothing for workers to load" do
    out, err, = Open3.capture3(RbConfig.ruby, "-I", File.expand_path("../../../lib", __dir__), "-e", script)
    expect(out.lines).to include("[]\n"), err
  end
end
