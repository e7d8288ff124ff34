# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/secured_cluster"
require_relative "../support/wait"
require "socket"

# What a client that is set up wrongly says: the cause, and the setting. All cases share one cluster and run at the same time.
RSpec.describe "a wrong connection", deadline: 300 do
  include Wait

  login = { "sasl.mechanism": "PLAIN", "sasl.username": SecuredCluster::USER, "sasl.password": SecuredCluster::PASSWORD }
  sasl = { "security.protocol": "sasl_plaintext", **login }
  tls = { "security.protocol": "ssl", "ssl.ca.location": :authority }
  # listener, settings, words of the cause, name of the setting, topic
  wrong = {
    "dead host" => [:dead, { "socket.connection.setup.timeout.ms": 1_000 }, /the host does not answer/, "bootstrap.servers"],
    "unknown name" => [:unknown, {}, /cannot be resolved/, "bootstrap.servers"],
    "wrong port" => [:nobody, {}, /nothing listens there/, "bootstrap.servers"],
    "TLS at a plain port" => [:plaintext, tls, /does not speak TLS/, "security.protocol"],
    "no TLS at a TLS port" => [:ssl, {}, /a TLS port/, "security.protocol"],
    "no login at a SASL port" => [:sasl_plaintext, {}, /wants a login \(SASL\)/, "security.protocol"],
    "a login at a plain port" => [:plaintext, sasl, /takes no login \(SASL\)/, "security.protocol"],
    "wrong mechanism" => [:sasl_plaintext, sasl.merge("sasl.mechanism": "SCRAM-SHA-256"), /offers PLAIN/, "sasl.mechanism"],
    "wrong password" => [:sasl_plaintext, sasl.merge("sasl.password": "no"), /refuses the login/, "sasl.password"],
    "unknown authority" => [:ssl, tls.merge("ssl.ca.location": :stranger), /unknown authority/, "ssl.ca.location"],
    "expired certificate" => [:expired, tls, /has expired/, "ssl.ca.location"],
    "no right on the topic" => [:sasl_plaintext, sasl, /needs the right to (READ|WRITE to) the topic closed/, "sasl.username", "closed"],
    "no right on the group" => [:sasl_plaintext, sasl, /needs the right to READ the group strangers/, "sasl.username"],
    "no TLS at a SASL port with TLS" => [:sasl_ssl, sasl, /a TLS port/, "security.protocol"],
    "TLS without a login at a SASL port" => [:sasl_ssl, tls, /wants a login \(SASL\)/, "security.protocol"],
    "TLS with a login at a port without" => [:ssl, tls.merge(sasl, "security.protocol": "sasl_ssl"), /takes no login/, "security.protocol"]
  }
  right = {
    "right with SASL" => [:sasl_plaintext, sasl], "right with TLS" => [:ssl, tls],
    "right with both" => [:sasl_ssl, tls.merge(sasl, "security.protocol": "sasl_ssl")]
  }
  causes = Regexp.union(wrong.values.map { |row| row[2] })

  before(:context) do
    skip(KafkaCluster.unavailable) if KafkaCluster.unavailable
    @cluster = SecuredCluster.new("spec-security").up(properties: { "connections.max.idle.ms" => 3_000 })
    %w[open closed].each { |name| @cluster.create_topic(name) }
    # Its queue of connections is full, so it answers nobody.
    @dead = TCPServer.new("127.0.0.1", 0).tap { |server| server.listen(0) }
    @fillers = Array.new(4) { Socket.new(:INET, :STREAM).tap { |socket| socket.connect_nonblock(@dead.local_address, exception: false) } }
  end

  after(:context) do
    @cluster&.down
    [@dead, *@fillers].compact.each(&:close)
  end

  def settings(listener, kafka)
    address = { dead: "127.0.0.1:#{@dead.addr[1]}", unknown: "nowhere.invalid:9092", nobody: "localhost:#{FreePorts.take.first}" }
              .fetch(listener) { @cluster.address(listener).sub("127.0.0.1", "localhost") }
    files = kafka.transform_values { |value| value.is_a?(Symbol) ? @cluster.certificates.public_send(value) : value }
    { "bootstrap.servers": address, "reconnect.backoff.max.ms": 500, **files }
  end

  it "is explained where a message fails" do
    said = {}
    failed = {}
    events = Queue.new
    senders = wrong.except("no right on the group").merge(right).map do |name, (listener, kafka, _, _, topic)|
      made = WaterDrop::Producer.new do |config|
        config.kafka = settings(listener, kafka).merge("message.timeout.ms": 3_000)
        config.logger = Logger.new(File::NULL)
      end
      made.monitor.subscribe("error.occurred") { |event| events << [name, event] }
      Thread.new do
        made.produce_sync(topic: topic || "open", payload: "x")
        said[name] = "delivered"
      rescue WaterDrop::Errors::ProduceError => e
        said[name] = e.message
        failed[name] = [e.cause.code, e.cause.cause&.message]
      ensure
        made.close
      end
    end
    senders.each(&:join)
    right.each_key { |name| expect(said[name]).to eq("delivered") }
    expect(failed.delete("no right on the topic")).to eq([:topic_authorization_failed, nil])
    expect(failed.values).to all(match([:msg_timed_out, causes]))
    seen = Array.new(events.size) { events.pop }
    wrong.except("no right on the group").each do |name, (_, _, cause, setting)|
      expect(said.fetch(name)).to match(/\((msg_timed_out|topic_authorization_failed)\)/).and match(cause).and(include(setting))
      expect(seen.select { |from, _| from == name }.map { |_, event| event[:error].message }).to include(match(cause).and(include(setting)))
    end
    expect(seen.map(&:first) & right.keys).to eq([])
  end

  it "is explained where a producer waits no longer" do
    listener, kafka, cause, setting = wrong.fetch("wrong password")
    made = WaterDrop::Producer.new do |config|
      config.kafka = settings(listener, kafka)
      config.logger = Logger.new(File::NULL)
    end
    expect { made.produce_sync({ topic: "open", payload: "x" }, 1_500) }.to raise_error(WaterDrop::Errors::ProduceError) { |error|
      expect(error.message).to match(/no answer for a message to open within 1500 ms.*Meanwhile: /).and match(cause).and include(setting)
      expect([error.cause.class, error.cause.cause.code]).to eq([Karafka::Errors::TimeoutError, :authentication])
    }
  ensure
    made&.close(0)
  end

  it "is none where brokers close connections that nobody needs" do
    events = Queue.new
    closed = false
    made = WaterDrop::Producer.new do |config|
      config.kafka = settings(:plaintext, {}).merge("statistics.interval.ms": 200)
      config.logger = Logger.new(@log = StringIO.new)
    end
    made.monitor.subscribe("error.occurred") { |event| events << event[:error].message }
    made.monitor.subscribe("statistics.emitted") do |event|
      closed ||= event[:statistics]["brokers"].values.any? { |broker| broker["disconnects"].positive? }
    end
    made.produce_sync(topic: "open", payload: "x")
    wait_until("the broker has closed the connection") { closed }
    expect(made.produce_sync(topic: "open", payload: "x")).to be_delivered
    made.close
    expect([events.size, @log.string]).to eq([0, ""])
  end

  it "is explained where a group consumes" do
    events = Queue.new
    assigned = Queue.new
    Karafka.monitor.subscribe("error.occurred") { |event| events << event }
    Karafka.monitor.subscribe("rebalance.partitions_assigned") { |event| assigned << event[:consumer_group_id] }
    groups = wrong.merge(right).each_with_index.to_h do |(name, row), index|
      [name == "no right on the group" ? "strangers" : "readers-#{index}", row]
    end
    consuming(groups)
    wait_until("the right ones have joined") { assigned.size >= right.size }
    seen = Hash.new { |hash, key| hash[key] = [] }
    silent = groups.reject { |_, row| row.size < 3 }
    begin
      wait_until("each wrong one has said something") do
        until events.empty?
          event = events.pop
          group = event[:consumer_group_id]
          seen[group] << event
          silent.delete(group) if silent.key?(group) && says?(event[:error].message, silent[group])
        end
        silent.empty?
      end
    rescue Wait::DeadlineError
      raise "nothing of #{silent}, but #{silent.map { |group, _| seen[group].map { |event| event[:error].message } }}"
    end
    expect(seen.keys.select { |group| groups.fetch(group).size < 3 }).to eq([])
    types = seen.transform_values { |list| list.map { |event| event[:type] }.uniq }
    expect(types.fetch("strangers")).to eq(["connection.client.poll.error"])
    expect(types.fetch("readers-0")).to eq(["librdkafka.error"])
  ensure
    Karafka::Embedded.stop
  end

  def says?(text, row)
    text.match?(row[2]) && text.include?(row[3])
  end

  def consuming(groups)
    klass = Class.new(Karafka::BaseConsumer) { def consume; end }
    all = groups.transform_values { |listener, kafka, _, _, topic| [settings(listener, kafka), topic || "open"] }
    Karafka::App.setup do |config|
      config.kafka = { "bootstrap.servers": @cluster.bootstrap_servers }
      config.logger = Logger.new(File::NULL)
      config.shutdown_timeout = 5_000
    end
    Karafka::App.routes.draw do
      all.each do |group, (kafka, name)|
        consumer_group(group) do
          topic(name) do
            consumer klass
            kafka(kafka)
          end
        end
      end
    end
    Karafka::Embedded.start
  end
end
