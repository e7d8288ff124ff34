# frozen_string_literal: true

require "spec_helper"
require "support/http_probe"
require "support/json_schema"
require "support/mock_cluster"
require "support/prometheus_tools"
require "support/server_process"

RSpec.describe "what a process shows of itself" do
  include MockCluster

  root = File.expand_path("../..", __dir__)

  before do
    broker.create_topic("orders", 2)
    broker.create_topic("dead", 1)
  end

  after do
    @server&.close
    close_cluster
  end

  # One message holds Ruby's lock for about ten seconds, in one call of C code that looks at no interrupt.
  consumer = <<~'RUBY'
    require "karafka"
    class OrdersConsumer < Karafka::BaseConsumer
      MODULUS = (1 << 4096) + 1

      def consume
        messages.each do |message|
          raise "cannot read it" if message.raw_payload == "poison"
          hold if message.raw_payload == "hold"
        end
      end

      def hold
        # Of CPU: on a machine whose processors are busy just now it would be too few bits.
        began = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID)
        3.pow((1 << 20_000) - 1, MODULUS)
        bits = (20_000 * 10 / (Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID) - began)).to_i
        File.write(ENV.fetch("APP_OUTPUT"), "holds\n")
        3.pow((1 << bits) - 1, MODULUS)
        File.write(ENV.fetch("APP_OUTPUT"), "let go\n", mode: "a")
      end
    end
  RUBY

  define_method(:server) do |kafka: "", setup: "", topic: ""|
    @server = ServerProcess.new(<<~RUBY).start
      #{consumer}
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "#{broker.bootstrap_servers}", "session.timeout.ms": 6_000, "auto.commit.interval.ms": 100,
                         #{kafka} }
        config.http.port = 0
        config.concurrency = 2
        config.pause.timeout = 50
        config.pause.max_timeout = 600_000
        #{setup}
      end
      Karafka::App.routes.draw { topic(:orders) { consumer OrdersConsumer; #{topic} } }
    RUBY
    @server.wait_for_log(%r{Answers HTTP at (http://[\d.]+:\d+)})[1]
  end

  def get(...) = HttpProbe.get(...)

  def until_ready(url) = wait_until("readiness") { get(url, "/readyz").status == 200 }

  it "answers while a consumer holds Ruby's lock, says where it is, and gets unhealthy after the time that is set", deadline: 240 do
    url = server(setup: "config.http.events_ttl = 3_000")
    until_ready(url)
    produce("orders", ["hold"])
    @server.wait_for_output { |lines| lines.include?("holds") }
    answers = []
    wait_until("the probe fails") { answers.push(get(url, "/livez")).last.status == 503 }
    expect(answers.map(&:status).tally[200]).to be > 3
    why = { "reason" => "events_stuck", "message" => a_string_matching(/http.events_ttl \(3000 ms\): Ruby's lock/) }
    expect(answers.last.json["reasons"]).to match([why])
    # Other programs of this machine may take a processor for longer now and then.
    quick = answers.count { |answer| answer.seconds < 0.05 }
    expect(quick).to be >= answers.size * 0.9, "#{answers.size - quick} of #{answers.size} took longer than 50 ms"
    workers = get(url, "/v1/workers?backtrace=1")
    expect(workers.seconds).to be < 5
    expect(workers.json["note"]).to match(/Ruby did not answer within half a second/)
    busy = workers.json["workers"].find { |worker| worker["state"] == "busy" }
    expect(busy["work"]).to include(
      "topic" => "orders", "kind" => "consume",
      "consumer" => { "class" => "OrdersConsumer", "file" => "karafka.rb", "line" => 5 }
    )
    expect(@server.output).to eq(["holds"]), "the lock was held all the time"
    @server.wait_for_output { |lines| lines.include?("let go") }
    wait_until("it is alive again") { get(url, "/livez").status == 200 }
    workers = get(url, "/v1/workers?backtrace=1").json
    expect(workers).to match("note" => nil, "workers" => all(include("backtrace" => array_including(/worker.rb/))))
    @server.signal(:TERM)
    expect(@server.wait).to eq(0)
    expect { get(url, "/livez") }.to raise_error(Errno::ECONNREFUSED)
  end

  it "shows a state that its schema describes, and metrics that are all in the catalogue, none missing", deadline: 240 do
    url = server(topic: 'dead_letter_queue topic: "dead", max_retries: 1')
    until_ready(url)
    produce("orders", %w[a b])
    produce("orders", ["poison"], partition: 1)
    dead = 'karafka_dead_letters_total{group="app",topic="orders"}'
    wait_until("a dead letter") { HttpProbe.samples(get(url, "/metrics").body)[dead] == 1 }
    samples = HttpProbe.samples(get(url, "/metrics").body)
    expect(samples).to include(
      'karafka_consumed_messages_total{group="app",topic="orders"}' => 2, 'karafka_retried_messages_total{group="app",topic="orders"}' => 1,
      'karafka_errors_total{type="consumer.consume.error"}' => 2, 'karafka_produced_messages_total{topic="dead"}' => 1
    )
    wait_until("no lag") { HttpProbe.samples(get(url, "/metrics").body)['karafka_topic_lag_messages{group="app",topic="orders"}'].zero? }

    wait_until("the commits") { [0, 1].map { |partition| committed("app", "orders", partition) } == [2, 1] }
    schema = JSON.parse(File.read(File.join(root, "docs/state.schema.json")))
    ["/v1/state", "/v1/state?detail=summary"].each do |path|
      expect(JsonSchema.findings(get(url, path).json, schema)).to eq([])
    end
    # Paused, so that each metric has something to show.
    @server.close
    url = server(setup: "config.pause.timeout = 600_000")
    produce("orders", ["poison"])
    wait_until("a back-off") { get(url, "/metrics").body.include?("karafka_paused_partitions{") }
    state = get(url, "/v1/state").json
    expect(JsonSchema.findings(state, schema)).to eq([])
    paused = state["groups"].flat_map { |group| group["topics"] }.flat_map { |topic| topic["partition_states"] }.find { |one| one["pause"] }
    expect(paused).to include("attempt" => 2, "pause" => include("reason" => "back_off", "left_ms" => be > 500_000))
    emitted = get(url, "/metrics").body.scan(/^# TYPE (\S+) (\S+)$/)
    catalogue = JSON.parse(File.read(File.join(root, "docs/metrics.json"))).map { |metric| metric.values_at("name", "type") }
    # This process has sent nothing.
    sends = %w[karafka_produced_messages_total karafka_produced_bytes_total karafka_produce_failures_total karafka_produce_seconds]
    expect(emitted.map(&:first) & sends).to be_empty
    expect(emitted).to match_array(catalogue.reject { |metric| sends.include?(metric.first) })
    skip(PrometheusTools.unavailable) if PrometheusTools.unavailable

    expect(PrometheusTools.check("check", "metrics", input: get(url, "/metrics").body)).to eq("")
  end

  it "speaks OpenMetrics where that is asked for" do
    url = server
    until_ready(url)
    plain = get(url, "/metrics")
    expect(plain.type).to eq("text/plain; version=0.0.4; charset=utf-8")
    open = get(url, "/metrics", "Accept" => "application/openmetrics-text; version=1.0.0,text/plain;q=0.5")
    expect(open.type).to eq("application/openmetrics-text; version=1.0.0; charset=utf-8")
    expect(open.body).to end_with("# EOF\n")
    expect(open.body).to include("# TYPE karafka_fetched_messages counter\n", "karafka_fetched_messages_total{")
    [plain, open].each do |answer|
      heads = answer.body.scan(/^# TYPE (\S+)/).flatten
      expect(heads.uniq).to eq(heads)
    end
  end

  it "has no secret in any answer, whoever asks" do
    secrets = { "sasl.username": "user-of-spec", "sasl.password": "password-of-spec", "ssl.key.password": "key-of-spec" }
    given = secrets.merge("security.protocol": "SASL_PLAINTEXT", "sasl.mechanisms": "PLAIN")
    kafka = given.map { |name, value| "#{name.to_s.inspect}: #{value.inspect}" }.join(", ")
    url = server(kafka: kafka, setup: 'config.http.token = "token-of-spec"')
    # The brokers take no login, so there is trouble to be shown.
    token = { "Authorization" => "Bearer token-of-spec" }
    wait_until("trouble") { get(url, "/v1/state", token).json["groups"].any? { |group| group["errors"].any? } }
    paths = %w[/livez /readyz /metrics /v1/state /v1/state?detail=summary /v1/workers /v1/workers?backtrace=1 / /v1/nothing /token-of-spec]
    hidden = secrets.except(:"sasl.username").values + ["token-of-spec"]
    paths.product([token, {}, { "Authorization" => "Bearer wrong" }]).each do |path, headers|
      answer = get(url, path, headers)
      expect(hidden.select { |secret| answer.body.include?(secret) }).to eq([]), path
      guarded = path.start_with?("/v1/", "/metrics") && headers != token
      expect(answer.status).to eq(401), path if guarded
    end
    expect(@server.log).not_to match(Regexp.union(hidden))
  end

  it "is refused where the port is taken, with what to change, and nothing is left running" do
    taken = TCPServer.new("127.0.0.1", 0)
    @server = ServerProcess.new(<<~RUBY).start
      #{consumer}
      Karafka::App.setup do |config|
        config.kafka = { "bootstrap.servers": "#{broker.bootstrap_servers}" }
        config.http.port = #{taken.addr[1]}
      end
      Karafka::App.routes.draw { topic(:orders) { consumer OrdersConsumer } }
    RUBY
    expect(@server.wait).to eq(1)
    expect(@server.log).to match(/config\.http\.port = "127\.0\.0\.1:#{taken.addr[1]}": cannot be listened at: Address already in use/)
  ensure
    taken&.close
  end
end
