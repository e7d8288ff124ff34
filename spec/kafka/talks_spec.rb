# frozen_string_literal: true

require_relative "../spec_helper"
require "json"
require "net/http"
require "shellwords"
require "socket"
require_relative "../support/certificates"
require_relative "../support/kafka_cluster"
require_relative "../support/terminal"

# Each talk's application, with the commands of its README, on a real Kafka of their own: their topics have the names of the talks.
RSpec.describe "examples/talks", deadline: 300 do
  include Wait

  root = File.expand_path("../..", __dir__)

  before(:context) do
    skip(KafkaCluster.unavailable) if KafkaCluster.unavailable
    @certificates = Certificates.new(File.join(KafkaLibraries.default_dir, "certificates-#{Process.pid}"))
    @tls_port = FreePorts.take.first
    @cluster = KafkaCluster.new("spec-talks").up(heap: "256m", properties: tls)
  end

  after(:context) do
    @cluster&.down
    @certificates&.delete
  end

  before do
    # Each in a bundle of its own, as an application that has the gems of Debian.
    @terminal = Terminal.new("#{root}/examples/talks", "RUBYLIB" => "#{root}/lib", "PATH" => "#{root}/exe:#{ENV.fetch("PATH")}",
                                                       "BUNDLE_BIN_PATH" => nil)
  end

  after do |example|
    warn(@terminal.logs) if example.exception
    @terminal.close
    @producer&.close
  end

  attr_reader :cluster, :terminal

  # A listener that lets nobody in without a certificate.
  def tls
    {
      "listeners" => "PLAINTEXT://127.0.0.1:PORT,CONTROLLER://127.0.0.1:CONTROLLER_PORT,MUTUAL://localhost:#{@tls_port}",
      "advertised.listeners" => "PLAINTEXT://127.0.0.1:PORT,MUTUAL://localhost:#{@tls_port}",
      "listener.security.protocol.map" => "#{KafkaNode::SECURITY_PROTOCOLS},MUTUAL:SSL",
      **{ "keystore.type" => "PEM", "keystore.location" => @certificates.server, "truststore.type" => "PEM",
          "truststore.location" => @certificates.authority, "client.auth" => "required" }
        .transform_keys { |name| "listener.name.mutual.ssl.#{name}" }
    }
  end

  # @param packages [Hash{String=>String}] of Debian, by what is looked for: a command, or a gem where it begins with "gem "
  def installed!(packages)
    packages.each do |name, package|
      terminal.run(name.start_with?("gem ") ? "ruby -e '#{name.sub(" ", " %q(")})'" : "command -v #{name}")
    rescue Terminal::Error
      skip "#{name} is not installed (apt-get install #{package})"
    end
  end

  def topics(names) = names.each { |name, partitions| cluster.create_topic(name.to_s, partitions: partitions) }

  def send_to(topic, *payloads, keys: [])
    servers = cluster.bootstrap_servers
    @producer ||= WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": servers, "enable.idempotence": true } }
    messages = payloads.map { |payload| payload.is_a?(String) ? payload : JSON.generate(payload) }.zip(keys)
    @producer.produce_many_sync(messages.map { |payload, key| { topic: topic, key: key, payload: payload } })
  end

  def redis
    port = FreePorts.take.first
    terminal.start("redis-server --bind 127.0.0.1 --port #{port} --save ''")
    listening(port)
    "redis://127.0.0.1:#{port}"
  end

  def listening(port)
    wait_until("somebody to listen at #{port}") do
      TCPSocket.new("127.0.0.1", port).close || true
    rescue SystemCallError
      false
    end
  end

  def size(topic) = cluster.watermarks(topic).sum { |_, (low, high)| high - low }

  # Ended as an operator does it.
  def expect_clean_end(server) = expect(terminal.stop(server, signal: :TERM).exitstatus).to eq(0), server.log

  it "2016: a message goes through before_enqueue, interchanger, Sidekiq and a responder, and on to a mail" do
    installed!("sidekiq" => "ruby-sidekiq", "redis-server" => "redis-server")
    topics(videos: 1, videos_transcoded: 1, mails: 1)
    env = "KARAFKA_BOOT_FILE=app.rb KAFKA_HOSTS=#{cluster.bootstrap_servers} REDIS_URL=#{redis}"
    expect(terminal.run("cd introduction_2016; export #{env}; karafka info; karafka routes; karafka flow"))
      .to match(/Boot file: .*app\.rb.*videos -> VideosController.*videos_transcoded: +\(always, exactly once\)/m)

    send_to("videos", { title: "Cat", format: "mp4", owner: "ann@example.org" }, { title: "Draft", draft: true },
            { title: "Dog", format: "avi" }, { title: "Fish", format: "mp4" })
    server = terminal.start("env -C introduction_2016 #{env} karafka server")
    worker = terminal.start("env -C introduction_2016 #{env} karafka worker --concurrency 1")
    terminal.wait_for_log(server, "mail to ann@example.org: Cat is ready")
    terminal.wait_for_log(worker, "transcoded Fish")
    # Sidekiq keeps it for later.
    terminal.wait_for_log(worker, "failed Dog")
    wait_until("the results") { size("videos_transcoded") == 2 && size("mails") == 1 }
    expect([server.log, worker.log].join).not_to match(/transcoded (?:Draft|Dog)/)
    expect(worker.log).to match(%r{"args":\["shop_videos_videos",\["eJ[\w+/=]+"\],null\]})
    [server, worker].each { |process| expect_clean_end(process) }
    expect(cluster.committed("shop_videos")).to eq(["videos", 0] => 4)
  end

  it "2018: orders go through their saga to the end, visits are counted over batches, and flow draws it all" do
    topics("shop.visits": 1, "shop.orders": 2, "shop.payments": 2, "shop.parcels": 2)
    env = "KAFKA_HOSTS=#{cluster.bootstrap_servers}"
    flow = terminal.run("cd rubykaigi_2018; karafka flow")
    expect(File.read("#{root}/examples/talks/rubykaigi_2018/README.md")).to include("```\n#{flow}```\n")

    server = terminal.start("env -C rubykaigi_2018 #{env} karafka server")
    placed = [["1", "book", 20], ["2", "book", 200], ["3", "lamp", 50]].map do |order, item, amount|
      { order: order, event: "placed", item: item, amount: amount }
    end
    send_to("shop.orders", *placed, keys: %w[1 2 3])
    send_to("shop.visits", "ann,/home", "bob,/home", "ann,/cart")
    sagas = { "1" => %w[placed paid sent], "2" => %w[placed refused], "3" => %w[placed paid sold_out refunded] }
    wait_until("the sagas") { server.log.scan(/^order (\d): (\w+)$/).group_by(&:shift).transform_values(&:flatten) == sagas }
    terminal.wait_for_log(server, "visits of partition 0: /home 2, /cart 1")
    send_to("shop.visits", "ann,/cart")
    terminal.wait_for_log(server, "visits of partition 0: /home 2, /cart 2")
    expect(server.log).to include("OrdersConsumer answered", "ParcelsConsumer answered")
    send_to("shop.orders", "no JSON", keys: ["4"])
    terminal.wait_for_log(server, /^consumer.consume.error: .*payload of orders/)
    expect_clean_end(server)
  end

  it "Rails services: orders are invoiced through the game day, and lag goes to StatsD" do
    installed!("puma" => "puma", "gem railties" => "ruby-railties")
    topics(orders: 2)
    day = terminal.run("event_driven/game_day #{cluster.bootstrap_servers}", seconds: 240)
    expect(day).to match(/^the lag is 0 after .*^no report of the lag for 3 s: alarm$.*^the lag is 0 again/m)
    expect(Integer(day[/^it was (\d+)$/, 1])).to be > 5
    expect(day).to match(/^90 orders, 0 without an invoice, \d+ with two$/)
  end

  it "the log drain: lines come over TLS with client certificates, are counted in Redis, and are played to staging at a rate" do
    installed!("puma" => "puma", "redis-server" => "redis-server", "gem sinatra" => "ruby-sinatra", "gem redis" => "ruby-redis")
    topics(requests: 2)
    drain_port, staging_port = FreePorts.take(2)
    certificate, key = @certificates.client
    variables = { KAFKA_URL: "kafka+ssl://localhost:#{@tls_port}", KAFKA_TRUSTED_CERT: File.read(@certificates.authority),
                  KAFKA_CLIENT_CERT: certificate, KAFKA_CLIENT_CERT_KEY: key, REDIS_URL: redis, DRAIN_PASSWORD: "secret",
                  STAGING_URL: "http://127.0.0.1:#{staging_port}", PORT: drain_port, REPLAY_PER_SECOND: 10 }
    env = "env -C log_drain #{variables.map { |name, value| "#{name}=#{Shellwords.escape(value)}" }.join(" ")}"
    staging = terminal.start("#{env} puma --bind tcp://127.0.0.1:#{staging_port} staging.ru")
    drain = terminal.start("#{env} puma --config puma.rb")
    [drain_port, staging_port].each { |port| listening(port) }
    lines = Array.new(30) { |number| router_line(number.even? ? "GET" : "POST", number < 20 ? "/posts" : "/about") }
    expect(post(drain_port, frames(*lines, "<13>1 - host app web.1 - Rendered posts"), password: "wrong")).to eq("401")
    expect(post(drain_port, "12 too short")).to eq("400")
    expect(post(drain_port, frames(*lines, "<13>1 - host app web.1 - Rendered posts"))).to eq("204"), drain.log
    expect(size("requests")).to eq(30)

    server = terminal.start("#{env} karafka server")
    asked = -> { staging.log.scan(/^([\d.]+) GET (\S+)$/) }
    wait_until("the replay") { asked.call.size == 15 }
    # 10 at once, and the other 20 messages in the two seconds after it.
    expect(asked.call.map { |at, _| Float(at) }.minmax.reduce(:-)).to be < -0.9
    expect(asked.call.map(&:last).tally).to eq("/posts" => 10, "/about" => 5)
    counts = ->(name) { terminal.run("redis-cli -u #{variables[:REDIS_URL]} hgetall #{name}").split.each_slice(2).to_h }
    wait_until("the counts") { counts.call("requests") == { "/posts" => "20", "/about" => "10" } }
    expect(counts.call("service_ms")).to eq("/posts" => "240", "/about" => "120")
    expect_clean_end(server)

    # No certificate, no Kafka: it is said, and nothing is taken that could be lost.
    expect(terminal.run("#{env} KAFKA_CLIENT_CERT= karafka info", fails: true)).to include("KAFKA_CLIENT_CERT")
  end

  def router_line(verb, path)
    "<158>1 2016-09-23T10:00:00+00:00 host heroku router - at=info method=#{verb} path=\"#{path}\" host=www status=200 service=12ms"
  end

  def frames(*lines) = lines.map { |line| "#{line.bytesize} #{line}" }.join

  # @return [String] the status
  def post(port, body, password: "secret")
    request = Net::HTTP::Post.new("/logs", "Content-Type" => "application/logplex-1", "Logplex-Drain-Token" => "d.1")
    request.basic_auth("drain", password)
    Net::HTTP.start("127.0.0.1", port) { |http| http.request(request, body).code }
  end
end
