# frozen_string_literal: true

# What bin/demo runs: a broker, the flights, `bundle exec karafka server`, and the tables it comes to.
require "karafka"
require "optparse"
require "tmpdir"
require_relative "rows"

# Each step in the order it happens.
class Demo
  HERE = __dir__
  # The broker in memory keeps 5 MB a partition; the rows are 26 MB.
  PARTITIONS = 12
  LATE_PARTITIONS = 4
  DEADLINE_S = 120
  SLICE = 1_000
  # What the user of the demo is told, without a backtrace.
  Failed = Class.new(StandardError)

  def initialize(brokers)
    @brokers = brokers
    @children = []
    @topic = brokers ? "flights-demo-#{Time.now.to_i}" : "flights"
    @topics = { @topic => PARTITIONS, "#{@topic}.late" => LATE_PARTITIONS }
    @dir = Dir.mktmpdir("flights-demo")
    @result = File.join(@dir, "result.json")
  end

  def run
    @brokers ? create_topics : start_broker
    rows = load_rows
    consume(rows)
    report(rows)
  ensure
    stop(@children.last) until @children.empty?
    FileUtils.remove_entry(@dir)
  end

  private

  def start_broker
    address = File.join(@dir, "address")
    karafka("broker", "--topics", @topics.map { |topic| topic.join(":") }.join(","), "--address-file", address, out: File::NULL)
    @brokers = wait_for("the broker") { File.exist?(address) && File.read(address).strip.then { |text| text unless text.empty? } }
    puts "Kafka in memory at #{@brokers}"
  end

  # A cluster may not create topics by itself. The wire client is the one of the specs: there is no Karafka::Admin yet.
  def create_topics
    require_relative "../../spec/support/kafka_wire"
    cluster = KafkaWire.new(@brokers)
    say_if_unreachable { cluster.metadata([]) }
    @topics.each do |topic, count|
      cluster.create_topic(topic, partitions: count, replication: 1, config: {})
      wait_for("the leaders of #{topic}") do
        partitions = cluster.metadata([topic]).dig(:topics, topic, :partitions)
        partitions&.size == count && partitions.values.all? { |info| info[:leader] >= 0 }
      end
    end
    puts "Topics #{@topics.keys.join(" and ")} created at #{@brokers}"
  rescue KafkaWire::Error => e
    raise Failed, e.message
  end

  def say_if_unreachable
    yield
  rescue SystemCallError, SocketError, IOError => e
    raise Failed, "no Kafka answers at #{@brokers}: #{e.message}. Is it running, and does it listen without TLS there?"
  end

  def load_rows
    producer = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": @brokers, "linger.ms": 5 } }
    rows = 0
    started = now
    messages = []
    flush = lambda do
      producer.produce_many_sync(messages)
      rows += messages.size
      messages = []
    end
    Rows.each do |row|
      messages << { topic: @topic, key: row["tailnum"] || row["flight"].to_s, payload: JSON.generate(row) }
      flush.call if messages.size == SLICE
    end
    flush.call unless messages.empty?
    puts "#{rows} flights are in the topic #{@topic} (#{(now - started).round(1)} s to read, convert and send)"
    rows
  ensure
    producer&.close
  end

  def consume(rows)
    env = { "KAFKA_BROKERS" => @brokers, "FLIGHTS_TOPIC" => @topic, "FLIGHTS_RESULT" => @result, "FLIGHTS_GROUP" => "demo-#{Process.pid}" }
    puts "bundle exec karafka flow"
    Process.wait(karafka("flow", env: env))
    @children.pop
    puts "bundle exec karafka server"
    server = karafka("server", env: env)
    wait_for("the flights to be consumed") do
      result = progress
      show(result["rows"], rows)
      raise Failed, "the server has ended early" if Process.wait(server, Process::WNOHANG)

      result["rows"] >= rows && result["received"] >= result["sent"]
    end
    stop(server)
  end

  # Each tenth, or all the time where it can be overwritten.
  def show(done, rows)
    tenth = done * 10 / rows
    return if tenth == @shown && (!$stdout.tty? || done >= rows)

    @shown = tenth
    print "#{"\r" if $stdout.tty?}  #{done} of #{rows} flights#{"\n" if !$stdout.tty? || done >= rows}"
    $stdout.flush
  end

  def progress
    File.exist?(@result) ? JSON.parse(File.read(@result)) : { "rows" => 0, "sent" => 0, "received" => 0 }
  end

  def report(rows)
    result = progress
    delays = result["delays"].to_h { |airport, airline, *sum| [[airport, airline], sum] }
    print_delays(delays)
    print_late(result["late"])
    raise "#{result["rows"]} flights were counted instead of #{rows}" if result["rows"] != rows
    raise "#{result["received"]} late flights were counted instead of #{result["sent"]}" if result["received"] != result["sent"]
    raise "the tables differ from those computed without Kafka" if Rows.expected != [delays, result["late"]]

    puts "Every flight was counted once, and every late one once more; the tables equal those a plain script computes."
    seconds = result["seconds"]
    puts "#{rows} flights in #{format("%.2f", seconds)} s from the first batch to the last on #{RUBY_DESCRIPTION[/ruby \S+/]}: " \
         "#{(rows / seconds).round} a second, #{result["sent"]} of them passed on"
  end

  def print_delays(delays)
    line("airport", "airline", "flights", "average delay")
    delays.sort.each do |(airport, airline), (flights, known, total)|
      line(airport, airline, flights.to_s, known.zero? ? "unknown" : "#{(total.to_f / known).round(1)} min")
    end
  end

  def print_late(late)
    puts "Second stage: flights that were #{Rows::LATE} minutes late or more"
    line("", "airline", "late", "average delay", "longest")
    late.sort.each do |airline, (flights, total, most)|
      line("", airline, flights.to_s, "#{(total.to_f / flights).round(1)} min", most.to_s)
    end
  end

  def line(airport, airline, flights, delay, *rest)
    puts [airport.ljust(8), airline.ljust(8), flights.rjust(8), delay.rjust(14), *rest.map { |text| text.rjust(8) }].join(" ")
  end

  def karafka(*arguments, env: {}, out: $stdout)
    pid = Process.spawn(env, "bundle", "exec", "karafka", *arguments, chdir: HERE, out: out)
    @children << pid
    pid
  end

  def stop(pid)
    return unless @children.delete(pid)

    Process.kill(:TERM, pid)
    Process.wait(pid)
  rescue Errno::ESRCH, Errno::ECHILD
    nil
  end

  def wait_for(what)
    deadline = now + DEADLINE_S
    loop do
      found = yield
      return found if found
      raise Failed, "waited #{DEADLINE_S} s for #{what}" if now > deadline

      sleep 0.05
    end
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end

BROKERS = /\A[^:\s,]+:\d{1,5}(?:,[^:\s,]+:\d{1,5})*\z/
brokers = nil
begin
  parser = OptionParser.new("Usage: bin/demo [--brokers HOST:PORT]") do |options|
    options.on("--brokers HOST:PORT", BROKERS, "a real cluster instead of the one in memory") { |value| brokers = value.to_s }
  end
  rest = parser.parse(ARGV)
  raise OptionParser::InvalidArgument, rest.join(" ") unless rest.empty?

  Demo.new(brokers).run
rescue OptionParser::ParseError, Demo::Failed, Karafka::Errors::BaseError, WaterDrop::Errors::BaseError => e
  abort "bin/demo: #{e.message}"
end
