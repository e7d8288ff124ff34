# frozen_string_literal: true

require "json"
require "support/gc_stress"
require "support/http_probe"
require "support/native_config"

# Everything that Ruby hands over to the observer, and gets from it, while the collector runs at each allocation.
RSpec.describe "Karafka::Native::Observer", deadline: 300 do
  include NativeConfig

  let(:engine) { one_group("g", { "bootstrap.servers" => "127.0.0.1:1", "group.id" => "g" }, { name: "orders" }) }

  def settings(**more)
    { port: nil, bind: "127.0.0.1", socket: nil, token: "secret", ready_lag: nil, polling_ttl_ms: 30_000, consuming_ttl_ms: 300_000,
      events_ttl_ms: 60_000, partition_metrics: true, app_metrics: true, process: { "id" => "one" },
      versions: { "karafka_rs" => "1", "ruby" => RUBY_VERSION, "librdkafka" => "2" }, **more }
  end

  def stressed
    GC.stress = true
    yield
  ensure
    GC.stress = false
  end

  it "gives whole texts under GC.stress, and keeps what it was given when the heap is compacted" do
    watched = Karafka::Native::Engine.new(engine)
    texts = stressed do
      observer = Karafka::Native::Observer.new(settings)
      observer.watch(watched)
      Karafka::Native.count_error("spec.error")
      observer.give_backtraces(1, { 0 => ["karafka.rb:5:in `consume'", "é"], 1 => [] })
      observer.give_app_metrics(1, "# TYPE own gauge\nown 1\n")
      [observer.metrics(false), observer.metrics(true), observer.state(false), observer.state(true), observer.live, observer.ready]
    end
    GC.compact if GC.respond_to?(:compact)
    plain, open, *documents = texts
    expect(plain).to include('karafka_errors_total{type="spec.error"} ', "karafka_info{")
    expect(open).to end_with("# EOF\n")
    expect(HttpProbe.samples(plain).values).to all(be_a(Float))
    expect(documents.map { |document| JSON.parse(document) }).to all(be_a(Hash))
    expect(texts.map(&:encoding).uniq).to eq([Encoding::UTF_8])
  end

  it "listens, answers and closes under GC.stress" do
    watched = Karafka::Native::Engine.new(engine)
    observer = nil
    host, port = stressed do
      observer = Karafka::Native::Observer.new(settings(port: 0))
      observer.watch(watched)
      observer.serve
    end
    GC.compact if GC.respond_to?(:compact)
    expect(HttpProbe.get("http://#{host}:#{port}", "/v1/state").status).to eq(401)
    answer = HttpProbe.get("http://#{host}:#{port}", "/v1/state", "Authorization" => "Bearer secret")
    expect(answer.json["process"]).to include("id" => "one")
    expect(stressed { observer.close(5_000) }).to be(true)
  end

  it "refuses what is missing with an error, not a crash, under GC.stress" do
    error = stressed do
      Karafka::Native::Observer.new(settings.except(:bind))
    rescue StandardError => e
      e
    end
    expect(error.message).to match(/bind/)
    expect { Karafka::Native::Observer.allocate }.to raise_error(TypeError)
  end

  it "lets go of an observer that nobody refers to, also while it listens" do
    watched = Karafka::Native::Engine.new(engine)
    ports = Array.new(20) do
      observer = Karafka::Native::Observer.new(settings(port: 0))
      observer.watch(watched)
      observer.serve[1]
    end
    3.times { GC.start(full_mark: true, immediate_sweep: true) }
    expect(ports.uniq.size).to eq(20)
  end
end
