# frozen_string_literal: true

require "support/fake_lease"
require "support/routes"
require "support/stand_in_sidekiq"

# The real Sidekiq is in spec/integration/sidekiq_backend_spec.rb.
RSpec.describe "backend :sidekiq" do
  include OneTopic

  let(:jobs) { StandInSidekiq.jobs }
  let(:seen) { [] }

  around do |example|
    Karafka::Compat::SidekiqBackend.singleton_class.alias_method(:real_load!, :load!)
    Karafka::Compat::SidekiqBackend.singleton_class.define_method(:load!) { nil }
    example.run
  ensure
    Karafka::Compat::SidekiqBackend.singleton_class.alias_method(:load!, :real_load!)
    Karafka::Compat::SidekiqBackend.singleton_class.remove_method(:real_load!)
  end

  before do
    stub_const("Sidekiq", StandInSidekiq)
    # A class of its own for each example: which library it includes was decided when its file was loaded.
    base = Class.new(Karafka::BaseWorker) { include StandInSidekiq::Worker }
    allow(Karafka::BaseWorker).to receive(:base_worker).and_return(base)
    jobs.clear
    StandInSidekiq.refusal = nil
  end

  after { %i[ShopWorker].each { |name| Object.send(:remove_const, name) if Object.const_defined?(name) } }

  def shop(parent = Karafka::BaseConsumer, name: "ShopConsumer", &block)
    stub_const(name, Class.new(parent, &block))
  end

  def server(klass, payloads, **lease, &settings)
    routes = route(klass) do
      backend :sidekiq
      instance_eval(&settings) if settings
    end
    assignment = Karafka::Coordinator.new(routes).fetch(made = FakeLease.new(payloads, **lease))
    assignment.consume(made)
    assignment.settle(made)
    made
  end

  it "enqueues a batch instead of consuming it, and acknowledges it; the job consumes it" do
    seen = self.seen
    klass = shop do
      define_method(:consume) do
        seen << [topic.name, partition, messages.payloads, messages.map(&:offset), metadata.first_offset, metadata.offset_lag, attempt]
        mark_as_consumed!(messages.last)
      end
    end
    lease = server(klass, %w[1 2], first_offset: 5)
    expect([seen, lease.settled]).to eq([[], [:ack]])
    name, arguments = jobs.first
    id, batch, metadata = JSON.parse(arguments)
    expect([name, id, batch.map { |params| params["raw_payload"] }]).to eq(["ShopWorker", "app_orders", %w[1 2]])
    expect(metadata).to include("batch_size" => 2, "first_offset" => 5, "last_offset" => 6, "partition" => 0, "topic" => "orders")
    StandInSidekiq.perform_next
    expect(seen).to eq([["orders", 0, [1, 2], [5, 6], 5, 0, 1]])
  end

  it "enqueues one job a message where batch_consuming is false, without metadata of a batch" do
    seen = self.seen
    klass = shop { define_method(:consume) { seen << [params["id"], params.topic, params_batch.size] } }
    lease = server(klass, ['{"id":1}', '{"id":2}']) { batch_consuming false }
    expect(jobs.map { |_, arguments| JSON.parse(arguments).values_at(0, 2) }).to eq([["app_orders", nil]] * 2)
    expect(lease.marked).to eq([0, 1])
    2.times { StandInSidekiq.perform_next }
    expect(seen).to eq([[1, "orders", 1], [2, "orders", 1]])
  end

  it "acknowledges nothing that could not be enqueued" do
    StandInSidekiq.refusal = IOError.new("no Redis")
    klass = shop { def consume = nil }
    expect { server(klass, %w[1]) }.to raise_error(IOError, "no Redis")
    expect(jobs).to be_empty
  end

  it "marks a batch once it is enqueued, where offsets are managed by hand" do
    klass = shop { def consume = nil }
    lease = server(klass, %w[1 2]) { manual_offset_management true }
    expect([lease.marked, lease.settled]).to eq([[1], [:release]])
  end

  it "keeps bytes that JSON cannot have, keys, headers, tombstones and times as they were" do
    bytes = (0..255).to_a.pack("C*").force_encoding(Encoding::UTF_8)
    seen = self.seen
    klass = shop do
      define_method(:consume) do
        messages.each { |it| seen << [it.raw_payload, it.raw_key, it.raw_headers, it.timestamp, it.tombstone?] }
      end
    end
    server(klass, [bytes, nil, "{}"], keys: [bytes, "k", nil], timestamp_ms: 1_700_000_000_123,
                                      headers: [{ "a" => bytes, "base64" => "x", "many" => ["1", bytes, nil] }, {}, {}])
    StandInSidekiq.perform_next
    time = Time.at(0, 1_700_000_000_123, :millisecond)
    expect(seen).to eq([
                         [bytes, bytes, { "a" => bytes, "base64" => "x", "many" => ["1", bytes, nil] }, time, false],
                         [nil, "k", {}, time, true], ["{}", nil, {}, time, false]
                       ])
  end

  it "keeps any bytes, whatever their encoding says" do
    random = Random.new(RSpec.configuration.seed)
    interchanger = Karafka::Interchanger.new
    200.times do
      payload = random.bytes(random.rand(20))
      payload.force_encoding([Encoding::UTF_8, Encoding::BINARY, Encoding::UTF_16LE].sample(random: random))
      time = Time.at(0, random.rand(2**41), :millisecond)
      metadata = Karafka::Messages::Metadata.new(topic: "t", partition: 0, offset: 0, headers: {}, timestamp: time)
      message = Karafka::Messages::Message.new(payload, metadata)
      decoded = interchanger.decode(JSON.parse(JSON.generate(interchanger.encode([message])))).first
      expect(decoded["raw_payload"].b).to eq(payload.b)
      expect(decoded["metadata"]["create_time"]).to eq(time)
    end
  end

  it "is said for the application, a group or a topic; inline_mode of 2016 says it as well" do
    klass = shop { def consume = nil }
    route(klass) { inline_mode false }
    expect(Karafka::App.routes.topics.first.backend).to eq(:sidekiq)
    Karafka::App.config.backend = "sidekiq"
    Karafka::App.routes.redraw do
      topic(:a) { consumer klass }
      consumer_group(:g) do
        backend :inline
        topic(:b) { consumer klass }
      end
    end
    expect(Karafka::App.routes.topics.map(&:backend)).to eq(%i[sidekiq inline])
  end

  it "is not for jobs of Active Job, which are jobs already" do
    route(shop { def consume = nil })
    Karafka::App.config.backend = :sidekiq
    Karafka::App.routes.draw { [active_job_topic(:default), active_job_delays] }
    expect(Karafka::App.routes.topics.to_h { |topic| [topic.name, topic.backend] }.values).to eq(%i[sidekiq] + ([:inline] * 6))
  end

  describe "its worker" do
    it "and its interchanger are those of the topic in the retry topics, too" do
      own = stub_const("Own", Class.new { include StandInSidekiq::Worker })
      exchange = Karafka::Interchanger.new
      route(shop { def consume = nil }) do
        backend :sidekiq
        worker own
        interchanger exchange
        retry_topics delays: [1_000]
        dead_letter_queue topic: "dead"
      end
      retries = Karafka::App.routes.topics.last
      expect([retries.retry_topic?, retries.worker, retries.interchanger]).to eq([true, own, exchange])
    end

    it "is the one that is set, as a class or by its name" do
      klass = shop { def consume = nil }
      own = stub_const("Own", Class.new { include StandInSidekiq::Worker })
      server(klass, %w[1]) { worker own }
      server(klass, %w[1]) { worker "Own" } if Karafka::App.routes.clear
      expect(jobs.map(&:first)).to eq(%w[Own Own])
    end

    it "is found by the consumer's name in the same module, else made there" do
      stub_const("Shop", Module.new)
      Shop.const_set(:VideosController, Class.new(Karafka::BaseController) { def perform = nil })
      found = Shop.const_set(:OrdersWorker, Class.new)
      Shop.const_set(:OrdersConsumer, Class.new(Karafka::BaseConsumer))
      builder = Karafka::Workers::Builder
      expect(builder.new(Shop::OrdersConsumer).build).to equal(found)
      made = builder.new(Shop::VideosController).build
      expect([made.name, made.superclass]).to eq(["Shop::VideosWorker", Karafka::BaseWorker.base_worker])
      expect(builder.new(Shop::VideosController).build).to equal(made)
      expect { builder.new(Class.new).build }.to raise_error(Karafka::Errors::InvalidConfigurationError, /has no name/)
    end

    it "needs a class below BaseWorker, which the boot asks for" do
      allow(Karafka::BaseWorker).to receive(:base_worker).and_call_original
      allow(Karafka::BaseWorker).to receive(:direct).and_return([])
      route(shop { def consume = nil }) { backend :sidekiq }
      expect { Karafka::App.boot! }.to raise_error(Karafka::Errors::BaseWorkerDescentantMissing, /class ApplicationWorker < Karafka::Base/)
      Karafka::App.routes.topics.first.worker(Class.new)
      expect { Karafka::App.boot! }.to raise_error(Karafka::Errors::InvalidConfigurationError, /worker is .*another worker of Sidekiq/)
    end

    it "inherits from the first class below BaseWorker, as it is after reloading" do
      allow(Karafka::BaseWorker).to receive(:base_worker).and_call_original
      first = stub_const("FirstWorker", Class.new(Karafka::BaseWorker))
      second = Class.new(Karafka::BaseWorker)
      below = Class.new(first)
      expect(Karafka::BaseWorker.direct).to include(first, second)
      expect(Karafka::BaseWorker.direct).not_to include(below)
      allow(Karafka::BaseWorker).to receive(:direct).and_return([first, second])
      expect(Karafka::BaseWorker.base_worker).to equal(first)
      reloaded = stub_const("FirstWorker", Class.new)
      expect(Karafka::BaseWorker.base_worker).to equal(reloaded)
    end

    it "does not take jobs of routes that are gone" do
      expect { Karafka::BaseWorker.new.perform("app_gone", [], nil) }.to raise_error(Karafka::Errors::NonMatchingRouteError, /app_gone/)
    end
  end

  describe "its interchanger" do
    it "may be one that inherits from Karafka's" do
      klass = shop { def consume = nil }
      own = Class.new(Karafka::Interchanger) { def encode(batch) = super.each { |params| params["metadata"].delete("headers") } }
      server(klass, %w[1]) { interchanger own.new }
      expect(JSON.parse(jobs.first.last)[1].first["metadata"].keys).to eq(%w[topic partition offset key create_time receive_time])
      expect { StandInSidekiq.perform_next }.not_to raise_error
    end

    it "may be a class of 2016 with load and parse" do
      seen = self.seen
      former = Class.new do
        def self.load(params) = [Marshal.dump(params)].pack("m0")
        def self.parse(text) = Marshal.load(text.unpack1("m0")) # rubocop:disable Security/MarshalLoad
      end
      server(shop { define_method(:consume) { seen << messages.map { |it| [it["id"], it.offset] } } }, ['{"id":7}']) { interchanger former }
      StandInSidekiq.perform_next
      expect(seen).to eq([[[7, 0]]])
    end

    it "is refused where it is none" do
      expect { route(shop { def consume = nil }) { interchanger 5 } }
        .to raise_error(Karafka::Errors::InvalidConfigurationError, /topic orders interchanger is 5.*encode\(batch\)/)
    end
  end

  describe "of controllers of 2016" do
    it "asks before_enqueue in the server, and calls perform and after_failure in the job" do
      seen = self.seen
      klass = shop(Karafka::BaseController, name: "ShopController") do
        before_enqueue { seen << :asked and throw(:abort) if params["test"] }
        before_enqueue { seen << :asked }
        define_method(:perform) { seen << params["id"] and raise("no") }
        define_method(:after_failure) { seen << :failed }
      end
      lease = server(klass, ['{"id":1}', '{"id":2,"test":true}'])
      expect([jobs.size, seen, lease.marked]).to eq([1, %i[asked asked], [0, 1]])
      expect { StandInSidekiq.perform_next }.to raise_error("no")
      expect(seen.drop(2)).to eq([1, :failed])
    end

    it "makes one job a message of those that read params_batch alone, and one a batch with batch_consuming" do
      seen = self.seen
      klass = shop(Karafka::BaseController, name: "ShopController") { define_method(:perform) { seen << params_batch.map(&:payload) } }
      server(klass, %w[1 2])
      expect(jobs.size).to eq(2)
      Array.new(2) { StandInSidekiq.perform_next }
      Karafka::App.routes.clear
      server(klass, %w[3 4]) { batch_consuming true }
      expect(jobs.size).to eq(1)
      StandInSidekiq.perform_next
      expect(seen).to eq([[1], [2], [3, 4]])
    end
  end

  it "runs callbacks before the job is enqueued, and wrap around both" do
    seen = self.seen
    klass = shop do
      include Karafka::Consumers::Callbacks
      after_fetch { seen << :after_fetch }
      define_method(:wrap) { |action, &block| seen << action and block.call }
      define_method(:consume) { seen << :work }
    end
    server(klass, %w[1])
    expect(seen).to eq(%i[consume after_fetch])
    StandInSidekiq.perform_next
    expect(seen.drop(2)).to eq(%i[consume work])
  end

  it "has events for both halves" do
    events = []
    %w[backends.sidekiq.process backends.sidekiq.base_worker.perform].each do |name|
      Karafka.monitor.subscribe(name) { |event| events << [event.id, event[:consumer].class, event[:time].class] }
    end
    server(shop { def consume = nil }, %w[1])
    StandInSidekiq.perform_next
    expect(events).to eq([["backends.sidekiq.process", NilClass, Float], ["backends.sidekiq.base_worker.perform", ShopConsumer, Float]])
  end

  it "says in a job that there is no partition to seek or to pause" do
    server(shop { def consume = seek(1) }, %w[1])
    expect { StandInSidekiq.perform_next }
      .to raise_error(Karafka::Errors::UnsupportedFeatureError, /of ShopConsumer in a job of Sidekiq.*offset advanced/)
  end

  it "is refused with exactly_once" do
    route(shop { def consume = nil }) { [backend(:sidekiq), exactly_once(true)] }
    expect { Karafka::App.boot! }.to raise_error(Karafka::Errors::InvalidConfigurationError, /backend is :sidekiq.*exactly_once/)
  end

  it "says what is missing where Sidekiq is not installed" do
    backend = Karafka::Compat::SidekiqBackend
    allow(backend).to receive(:require).and_raise(LoadError, "cannot load such file -- sidekiq")
    expect { backend.real_load! }.to raise_error(Karafka::Errors::InvalidConfigurationError, /gem "sidekiq".*cannot load such file/)
  end

  describe "karafka worker" do
    let(:command) { Karafka::Cli::WorkerCommand }

    it "becomes Sidekiq, with the boot file, the environment, the settings and further arguments" do
      worker = command.new(%w[-c 5])
      allow(Karafka::Cli::InfoCommand).to receive(:new).and_return(instance_double(Karafka::Cli::InfoCommand, call: 0))
      allow(command).to receive(:new).with(%w[-c 5 -q kafka]).and_return(worker)
      allow(File).to receive(:file?).and_call_original
      allow(File).to receive(:file?).with("config/sidekiq.yml").and_return(true)
      allow(worker).to receive(:exec)
      expect(Karafka::Cli.run(%w[w -c 5 -q kafka])).to eq(0)
      expect(worker).to have_received(:exec)
        .with(*%w[bundle exec sidekiq -e development -r], Karafka.boot_file.to_s, *%w[-C config/sidekiq.yml -c 5])
    end

    it "says what is missing where there is no sidekiq" do
      worker = command.new([])
      allow(Karafka::Cli::InfoCommand).to receive(:new).and_return(instance_double(Karafka::Cli::InfoCommand, call: 0))
      allow(worker).to receive(:exec).and_raise(Errno::ENOENT, "sidekiq")
      expect { worker.call }.to raise_error(Karafka::Errors::CommandError, /Add `gem "sidekiq"` to the Gemfile/)
    end
  end
end
