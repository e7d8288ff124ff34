# frozen_string_literal: true

require "open3"
require "rbconfig"

RSpec.describe "loading the gem" do
  def ruby(code, *arguments)
    Open3.capture3(RbConfig.ruby, *arguments, "-I", File.expand_path("../../../lib", __dir__), "-e", code)
  end

  %w[karafka karafka-rs].each do |name|
    it "works by require \"#{name}\", starts no thread and does not load the extension" do
      out, err, status = ruby(<<~RUBY)
        require "#{name}"
        p [Karafka::VERSION, Thread.list.size, $LOADED_FEATURES.grep(/karafka_rs\\.(so|bundle)/).size]
      RUBY
      expect([err, status.success?, out]).to eq(["", true, "#{[Karafka::VERSION, 1, 0].inspect}\n"])
    end
  end

  {
    "once there is a Ractor" => "Ractor.new { 1 }.take; application",
    "at a breakpoint" => "TracePoint.new(:call) { |it| application if it.method_id == :broken }.enable { def broken = nil; broken }"
  }.each do |place, code|
    it "leaves nothing to load that could not be loaded #{place}" do
      out, err, = ruby(<<~RUBY, "-W0")
        require "karafka"
        class OrdersConsumer < Karafka::BaseConsumer
          def consume; end
        end
        def application
          Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:9" } }
          Karafka::App.routes.draw { topic(:orders) { consumer OrdersConsumer } }
          Karafka::App.boot!
          Karafka::Instrumentation::LoggerListener.new
          p [Karafka::Engine::Config.new.to_h.size, Karafka::Runtime.new.class, Karafka::Serializers::Json::Serializer.default.call(1),
             Karafka.producer.class, Karafka::Native.librdkafka_version.class, Karafka::Cli::Commands.name, Karafka::Flow.name]
        end
        #{code}
      RUBY
      expect(out).to include("Karafka::Runtime", "WaterDrop::Producer", "Karafka::Cli::Commands"), err
    end
  end

  it "comes with the jobs where those are required alone, and with the adapter where Active Job is loaded before" do
    out, err, = ruby("require 'karafka/active_job'; p Karafka::App, ActiveJob::QueueAdapters.lookup(:karafka)")
    expect([out, err]).to eq(["Karafka::App\nActiveJob::QueueAdapters::KarafkaAdapter\n", ""])
    out, err, = ruby("require 'active_job'; ActiveJob::Base; require 'karafka'; ActiveJob::Base.queue_adapter = :karafka; p 1")
    expect([out, err]).to eq(["1\n", ""])
  end

  it "loads little at first, and all of the core in setup, so that no interrupt can leave half of it" do
    out, err, = ruby(<<~RUBY)
      before = $LOADED_FEATURES.dup
      require "karafka"
      puts $LOADED_FEATURES.grep(%r{/lib/karafka/}).size < 50
      Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:9" } }
      def missing(place)
        place.constants.flat_map do |name|
          next "\#{place}::\#{name}" if place.autoload?(name)
          found = place.const_get(name)
          found.is_a?(Module) && found.name&.start_with?("\#{place}::") && found != place ? missing(found) : []
        end
      end
      on_demand = %w[Admin Cli Declaratives Flow Instrumentation::Vendors].map { |room| "Karafka::\#{room}::" }
      puts missing(Karafka).reject { |name| name.start_with?(*on_demand) }.sort
      puts ObjectSpace.each_object(TracePoint).count(&:enabled?)
      puts ($LOADED_FEATURES - before).grep(%r{/(optparse|uri|tmpdir|fileutils|socket)[.]rb})
    RUBY
    expect([out, err]).to eq(["true\nKarafka::ActiveJob\nKarafka::BaseWorker\n0\n", ""])
  end

  # Each in a process of its own, as another name may load it.
  it "finds each constant of the core by its name alone" do
    out, err, = ruby(<<~RUBY, "-W0")
      require "karafka"
      def names(place)
        place.constants(false).reject { |name| place.autoload?(name) }.flat_map do |name|
          path = "\#{place}::\#{name}"
          found = place.const_get(name)
          [path, *(names(found) if found.is_a?(Module) && found.name == path)]
        end
      end
      def in_child = Process.wait2(fork { exit!(yield) }).last.success?
      reader, writer = IO.pipe
      in_child { Karafka.eager_load! || writer.puts(names(Karafka)) || writer.close || true }
      writer.close
      all = reader.readlines(chomp: true)
      puts all.size > 300, all.reject { |name| in_child { Object.const_defined?(name) } }
    RUBY
    expect([out, err]).to eq(["true\n", ""])
  end

  it "can decode a message's JSON in a plain script" do
    out, err, = ruby(<<~RUBY)
      require "karafka"
      metadata = Karafka::Messages::Metadata.new(topic: "orders", partition: 0, offset: 0)
      message = Karafka::Messages::Message.new('{"id":1}', metadata)
      p [message.payload, message.to_json, Karafka::Parsers::Json.parse("[1]")]
    RUBY
    expect([out, err]).to eq(["#{[{ "id" => 1 }, "{\"id\":1}", [1]].inspect}\n", ""])
  end

  %w[karafka waterdrop].each do |name|
    it "is refused at once beside the gem #{name}, with what to remove" do
      _, err, status = ruby("Gem.loaded_specs['#{name}'] = Gem::Specification.new('#{name}', '2.0'); require 'karafka'")
      expect(status).not_to be_success
      expect(err).to match(/replaces the gem #{name}, which is active.*Remove one: delete `gem "#{name}"`/)
        .and include("Karafka::Errors::ConflictingGemError")
    end
  end

  it "has the producer under the name of its file in 1.x, too" do
    out, err, = ruby("require 'water_drop'; p WaterDrop::Producer")
    expect([out, err]).to eq(["WaterDrop::Producer\n", ""])
  end

  # Its files are loaded by hand, and what they name beside them, too. An autoload would come too late at the end of a process.
  it "has all that the producer names of Karafka, where the producer is loaded alone" do
    out, err, = ruby(<<~RUBY)
      require "waterdrop"
      lib = File.dirname($LOADED_FEATURES.grep(%r{/waterdrop[.]rb\\z}).first)
      files = Dir[File.join(lib, "waterdrop", "**", "*.rb")].grep_v(/vendors/)
      code = files.flat_map { |file| File.readlines(file).grep_v(/\\A *#/) }.join
      names = code.scan(/\\bKarafka(?:::[A-Z]\\w*)+/).uniq
      puts names.size > 20, names.reject { |name| Object.const_defined?(name) }
    RUBY
    expect([out, err]).to eq(["true\n", ""])
  end

  it "can load every file" do
    out, err, = ruby("require 'karafka'; Karafka.const_get(:Setup); Zeitwerk::Loader.eager_load_all; puts :fine", "-w")
    expect(out).to eq("fine\n"), err
    expect(err.lines.grep(%r{/lib/karafka})).to eq([])
  end
end
