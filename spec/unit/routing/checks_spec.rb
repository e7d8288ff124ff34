# frozen_string_literal: true

require_relative "../../support/application"

RSpec.describe Karafka::Routing::Contract do
  include ApplicationHelpers

  before { setup }

  def refuses(message, kind = :refused, &)
    expect(&).to public_send(:"be_#{kind}", message)
    app.routes.clear
  end

  # Drawn with a warning: the rest of the class may come later.
  def refuses_to_start(message, &)
    log = StringIO.new
    app.config.logger = Logger.new(log)
    yield
    expect(log.string).to match(message).and match(/A server does not start with it/)
    refuses(message) { app.boot! }
  end

  it "does not start a server with a consumer without consume, and names what was probably meant" do
    late = stub_const("Late", Class.new(Karafka::BaseConsumer))
    refuses_to_start(/topic orders consumer is Late, which has no method `consume`\. Define it/) { topic(klass: late) }
    misspelt = stub_const("Misspelt", Class.new(Karafka::BaseConsumer) { def consum; end })
    refuses_to_start(/no method `consume` \(there is `consum`\)/) { topic(klass: misspelt) }
    hidden = stub_const("Hidden", Class.new(Karafka::BaseConsumer) { private def consume; end })
    refuses_to_start(/it is private there/) { topic(klass: hidden) }
  end

  it "warns once of a consumer that is not complete, and starts when it is" do
    late = stub_const("Late", Class.new(Karafka::BaseConsumer))
    log = StringIO.new
    app.config.logger = Logger.new(log)
    topic(klass: late)
    topic(:others)
    expect(log.string.scan("has no method `consume`").size).to eq(1)
    late.class_eval { def consume; end }
    app.boot!
  end

  it "does not start a server with a consumer that cannot be called as it is called: each batch would fail" do
    greedy = stub_const("Greedy", Class.new(Karafka::BaseConsumer) { def consume(batch) = batch })
    refuses_to_start(/consumer is Greedy, whose `consume` takes arguments, but is called without any/) { topic(klass: greedy) }
    wired = stub_const("Wired", Class.new(consumer_class("Plain")) { def initialize(database:) = @database = database })
    refuses_to_start(/consumer is Wired, whose `initialize` takes arguments/) { topic(klass: wired) }
    free = stub_const("Free", Class.new(Karafka::BaseConsumer) { def consume(*, limit: 5) = limit })
    expect(topic(klass: free).consumer).to be(free)
  end

  it "says how options are given that came without their name" do
    refuses(/topic orders parallel is :key, but must be given as by: :key, limit: 50/) { topic { parallel(:key) } }
    refuses(/topic orders retry_topics is 5, but must be given as delays: \[10_000, 60_000\]/) { topic { retry_topics(5) } }
    refuses(/topic orders virtual_partitions partitioner is nil/) { topic { virtual_partitions(max_partitions: 3) } }
    refuses(/multiplexing is 2, but must be given as { max: 2 }/) do
      app.routes.draw { subscription_group(:events, multiplexing: 2) { topic(:a) } }
    end
  end

  it "takes Karafka's names for pauses and work without a limit" do
    one = topic { pause(timeout: 5, max_timeout: 10, with_exponential_backoff: false) && non_blocking_job(true) }
    names = %i[pause_timeout pause_max_timeout pause_with_exponential_backoff long_running_limit]
    expect(names.map { |name| one.public_send(name) }).to eq([5, 10, false, false])
    app.routes.clear
    refuses(/topic orders pause_timeout is 0/) { topic { pause(timeout: 0) } }
    refuses(/pause time`.*pause timeout/) { topic { pause(time: 5) } }
    refuses(/topic orders pause is 5, but must be given as timeout/) { topic { pause(5) } }
    refuses(/pause_timeout is 50000, but must be at most pause_max_timeout/) { topic { pause(timeout: 50_000) } }
    expect(topic { periodic(interval: 5_000) }.periodic).to eq(5_000)
    app.routes.clear
    expect(topic { periodic_job(true) }).to have_attributes(periodic: 10_000, periodic_job?: true)
    app.routes.clear
    refuses(/topic orders periodic interval is 0/) { topic { periodic(interval: 0) } }
  end

  it "refuses kafka settings that are no Hash" do
    refuses(/topic orders kafka is of class Integer, but must be a Hash/) { topic { kafka(5) } }
    refuses(/topic orders kafka inherit is "yes", but must be true or false/) { topic { kafka("fetch.min.bytes": 1, inherit: "yes") } }
  end

  it "takes a consumer that inherits or includes its consume" do
    base = consumer_class("Base")
    expect(topic(klass: stub_const("Sub", Class.new(base))).consumer).to be(Sub)
    mixin = Module.new { def consume; end }
    expect(topic(:b, klass: stub_const("Mixed", Class.new(Karafka::BaseConsumer) { include mixin })).consumer).to be(Mixed)
  end

  it "refuses what is no consumer" do
    message = /consumer is .*, but must be a class that inherits from Karafka::BaseConsumer/
    [nil, 5].each { |klass| refuses(message) { topic(klass: klass) } }
    refuses_to_start(message) { topic(klass: Object) }
    # Those of Active Record show themselves in other words, and some ask their database for them.
    model = stub_const("Order", Class.new { def self.inspect = raise("no database") })
    refuses_to_start(/consumer is Order, but must/) { topic(:c, klass: model) }
  end

  it "says how a class is named" do
    topic(klass: :orders)
    refuses(/topic orders consumer is orders, which cannot be loaded: that is no name of a class, such as "OrdersConsumer"/) { app.boot! }
  end

  it "wants a consumer for every topic that is active and not only declared" do
    refuses(/topic bare consumer is nil/) { app.routes.draw { topic(:bare) } }
    app.routes.draw { topic(:declared) { config(partitions: 3) } }
    app.routes.draw { topic(:off) { active false } }
    expect(app.routes.topics.map(&:name)).to eq(%w[declared off])
  end

  it "refuses two consumers for one topic in one group" do
    a = consumer_class("A")
    b = consumer_class("B")
    drawing = lambda do |*|
      app.routes.draw do
        consumer_group(:g) do
          subscription_group { topic(:x) { consumer a } }
          topic(:x) { consumer b }
        end
      end
    end
    refuses(/consumer_group g has the topic x 2 times, for A and B/, &drawing)
    app.routes.draw do
      consumer_group(:g) { topic(:x) { consumer a } }
      consumer_group(:h) { topic(:x) { consumer b } }
    end
    expect(app.routes.topics.size).to eq(2)
  end

  it "refuses a pattern that takes another client's topic in the same group" do
    refuses(%r{topic /audit/ also matches topic audit-log in consumer_group app}) do
      topic("audit-log") { initial_offset "latest" }
      topic(/audit/)
    end
    topic("audit-log")
    expect(topic(/audit/)).to be_pattern
  end

  ["a b", "", "x" * 250, ".", "..", "ä", "a/b"].each do |name|
    it "refuses the topic name #{name[0, 9].inspect}" do
      refuses(/topic is .*, but must be 1 to 249 letters/) { topic(name) }
    end
  end

  it "refuses names with dots and underscores, unless that is allowed" do
    refuses(/with dots or with underscores, not both.*strict_topics_namespacing/) { topic("a.b_c") }
    app.config.strict_topics_namespacing = false
    expect(topic("a.b_c").name).to eq("a.b_c")
  end

  it "names the nearest setting, in every layer" do
    refuses(/Unknown setting `topic orders max_mesages`. Did you mean `topic orders max_messages`/) { topic { max_mesages 1 } }
    refuses(/Did you mean `defaults max_bytes`/) { app.routes.draw { defaults { max_byts 1 } } }
    refuses(/Did you mean `consumer_group g session_timeout`/) { app.routes.draw { consumer_group(:g) { session_timout 1 } } }
    refuses(/Did you mean `subscription_group s max_messages`/) { app.routes.draw { subscription_group(:s, max_message: 1) } }
    refuses(/Unknown call in the routes `tpoic`. Did you mean `topic`/) { app.routes.draw { tpoic(:x) } }
    refuses(/Did you mean `topic orders deserializers payload`/) { topic { deserializers paylod: ->(x) { x } } }
  end

  it "checks the value of every setting" do
    { max_messages: 0, max_bytes: "1", max_wait_time: -1, initial_offset: "now", consumer_persistence: 1, active: nil, eofed: "yes",
      delay_by: 0, expire_after: 1.5,
      manual_offset_management: :yes, batch_consuming: 0, pause_timeout: 1.5, deserializer: 3, parser: Object.new }.each do |name, value|
      refuses(/topic orders \S*#{name.to_s[0, 5]}.* is .*, but must be \S+/) { topic { public_send(name, value) } }
    end
  end

  it "refuses a pause longer than its maximum" do
    refuses(/topic orders pause_timeout is 31000, but must be at most pause_max_timeout \(30000\)/) { topic { pause_timeout 31_000 } }
  end

  it "refuses to skip what is not old enough yet" do
    refuses(/topic orders expire_after is 5000, but must be more than delay_by \(5000\)/) do
      topic do
        delay_by 5_000
        expire_after 5_000
      end
    end
  end

  it "asks librdkafka about kafka settings of topics and groups" do
    refuses(/topic orders kafka sets "sesion.timeout.ms".*Did you mean `session.timeout.ms`/) { topic { kafka("sesion.timeout.ms": 1) } }
    klass = consumer_class
    refuses(/subscription_group s kafka sets "session.timeout.ms" to "x"/) do
      app.routes.draw { subscription_group(:s, kafka: { "session.timeout.ms": "x" }) { topic(:a) { consumer klass } } }
    end
    refuses(/topic orders kafka sets "group.id", which cannot be set/) { topic { kafka("group.id": "x", inherit: true) } }
  end

  it "tries the settings of a topic's client together with what they inherit" do
    setup("session.timeout.ms": 6_000)
    refuses(/topic orders kafka sets "heartbeat.interval.ms" to 6000, but it must be below "session.timeout.ms" \(6000\)/) do
      topic { kafka("heartbeat.interval.ms": 6_000, inherit: true) }
    end
    refuses(/topic orders kafka has settings that librdkafka refuses for a consumer: .*session.timeout.ms/) do
      topic { kafka("group.protocol": "consumer", inherit: true) }
    end
    expect(topic { kafka("group.protocol": "consumer", "bootstrap.servers": "127.0.0.1:1") }).to be_active
  end

  it "refuses kafka settings that would leave a topic without brokers" do
    refuses(/topic orders has kafka settings without "bootstrap.servers".*`inherit: true`/) { topic { kafka("fetch.min.bytes": 1) } }
    expect(topic { kafka("fetch.min.bytes": 1, inherit: true) }.kafka).to include("bootstrap.servers": "127.0.0.1:9092")
    expect(topic(:b) { kafka("metadata.broker.list": "a:1") }.kafka.brokers).to eq("a:1")
  end

  it "lets a nearer setting hold under whichever of its names" do
    setup("fetch.message.max.bytes": 100)
    settings = topic { kafka("max.partition.fetch.bytes": 200, inherit: true) }.kafka
    expect(settings).to include("max.partition.fetch.bytes": 200)
    expect(settings).not_to have_key(:"fetch.message.max.bytes")
  end

  it "refuses topics of a group that Kafka's metrics cannot tell apart" do
    klass = consumer_class
    draw = lambda do
      app.routes.draw do
        topic(:"a.b") { consumer klass }
        topic(:a_b) { consumer klass }
      end
    end
    refuses(/consumer_group app has the topics a.b and a_b: .*strict_topics_namespacing = false/, &draw)
    app.config.strict_topics_namespacing = false
    draw.call
    expect(app.routes.topics.map(&:name)).to eq(%w[a.b a_b])
  end

  it "refuses a group without topics" do
    refuses(/consumer_group billing has no topics/) { app.routes.draw { consumer_group(:billing) { max_messages 5 } } }
    klass = consumer_class
    app.routes.draw do
      consumer_group(:billing) { topic(:a) { consumer klass } }
      topic(:moved) do # as the routes of 2016 say it
        group :other
        consumer klass
      end
    end
    app.routes.draw { consumer_group(:billing) { max_messages 5 } }
    expect(app.routes.map(&:name)).to include("billing", "other")
  end

  it "asks whether a variable was meant where a name has no value" do
    refuses(/topic orders max_messages has no value, so it sets nothing.*did you mean a variable/) { topic { max_messages } }
    refuses(/Unknown setting `topic orders maximum`.*did you mean a variable\? There is none called maximum here/) do
      topic do
        max_messages maximum
      end
    end
    refuses(/Unknown call in the routes `prefix`.*did you mean a variable/) { app.routes.draw { topic("#{prefix}.orders") } }
    refuses(/Unknown setting `topic orders max_mesages`\. Did you mean `topic orders max_messages`\?\z/) { topic { max_mesages 5 } }
  end

  it "reads how many batches of a partition run at once when it is asked" do
    parallel = topic { parallel by: :key }.parallel
    app.config.concurrency = 17
    expect([parallel.limit, parallel.to_h[:limit]]).to eq([17, 17])
  end

  it "refuses what is not supported yet and names it" do
    %i[adaptive_iterator delegate_to].each do |name|
      refuses(/topic setting `#{name}` is not supported yet/, :unsupported) { topic { public_send(name, 1) } }
    end
    refuses(/routing setting `scheduled_messages`/, :unsupported) { app.routes.draw { scheduled_messages :x } }
    refuses(/backend is :resque.*:inline or :sidekiq/) { topic { backend :resque } }
  end
end
