# frozen_string_literal: true

require "etc"
require "json"
require "open3"
require "rbconfig"
require_relative "../spec/support/kafka_cluster"

# What the benchmarks share: real Kafka with the data in it, the plain-Rust programs, fresh processes, tables.
module Bench
  ROOT = File.expand_path("..", __dir__)
  PROCESS_SECONDS = 600

  module_function

  # @return [KafkaCluster] the running one, else one of its own for this run
  def cluster
    reason = KafkaCluster.unavailable
    abort "benchmarks need real Kafka: #{reason}" if reason
    @cluster ||= KafkaCluster.running || KafkaCluster.new.up(heap: "1g")
  end

  def brokers = cluster.bootstrap_servers

  # Builds what is measured, both sides with the release profile.
  def build
    flags = %w[cargo build --release --locked -p karafka_core --example load --example ceiling --example produce_ceiling]
    system(*flags, chdir: ROOT, exception: true)
    system("rake", "compile", chdir: ROOT, exception: true)
  end

  # @param name ["load", "ceiling"]
  # @return [Array<String>] the command line of a plain-Rust program
  def rust(name, **arguments)
    target = ENV.fetch("CARGO_TARGET_DIR", File.join(ROOT, "target"))
    [File.join(target, "release/examples", name)] +
      { brokers: brokers }.merge(arguments).flat_map { |key, value| ["--#{key}", value.to_s] }
  end

  # @return [Array<String>] the command line of a measured Ruby process
  def ruby(script, **arguments)
    [RbConfig.ruby, File.join(ROOT, "bench", script), JSON.generate({ brokers: brokers }.merge(arguments))]
  end

  # Runs a fresh process to its end.
  # @return [Hash{Symbol=>Object}] the JSON line that it printed last
  def measure(command)
    output, status = Open3.capture2(*command)
    line = output.lines.reverse.find { |candidate| candidate.start_with?("{") }
    abort "#{command.join(" ")} failed: #{output}" unless status.success? && line
    JSON.parse(line, symbolize_names: true)
  end

  # 1,000,000 flights as JSON in 4 partitions, keyed by tail number.
  # @return [String] the topic
  def flights(count = 1_000_000)
    filled("bench-flights-#{count}", 4, count) do |topic|
      rust("load", topic: topic, count: count, file: rows(count), key: "tailnum")
    end
  end

  # The same rows, all in the first of so many partitions.
  # @return [String] the topic
  def skewed(partitions, count = 1_000_000)
    filled("bench-skewed-#{count}-#{partitions}", partitions, count) do |topic|
      rust("load", topic: topic, count: count, file: rows(count), key: "tailnum", partitions: 1)
    end
  end

  # Topics without messages, which together have so many partitions.
  # @return [Array<String>] the topics
  def idle(partitions)
    each = [(partitions / 10.0).ceil, 3].max
    topics = Array.new(partitions / each) { |number| "bench-idle-#{partitions}-#{number}" }
    missing = cluster.admin.metadata(topics)[:topics].reject { |_, topic| topic[:error].zero? }
    missing.each_key { |topic| cluster.create_topic(topic, partitions: each) }
    topics
  end

  # @return [String] path of the flights as JSON lines
  def rows(count) = IO.popen([File.join(ROOT, "bench/data/prepare"), count.to_s], &:read).strip

  # Generated messages of 40 bytes.
  # @return [String] the topic
  def small(count = 1_000_000, partitions: 1)
    filled("bench-small-#{count}-#{partitions}", partitions, count) { |topic| rust("load", topic: topic, count: count, size: 40) }
  end

  def filled(topic, partitions, count)
    existing = cluster.admin.metadata([topic])[:topics][topic]
    if existing[:error].zero?
      return topic if cluster.watermarks(topic).values.sum(&:last) == count

      cluster.delete_topic(topic)
    end
    cluster.create_topic(topic, partitions: partitions, config: { "retention.ms" => -1 })
    measure(yield(topic))
    topic
  end

  # @return [Hash] :median, :min, :max of one field
  def spread(results, field)
    values = results.map { |result| result.fetch(field) }.sort
    { median: values[values.size / 2], min: values.first, max: values.last }
  end

  # @param rows [Array<Array>] the first is the heading
  def table(rows)
    widths = rows.transpose.map { |column| column.map { |cell| cell.to_s.size }.max }
    rows.each_with_index do |row, index|
      puts row.each_with_index.map { |cell, at| at.zero? ? cell.to_s.ljust(widths[at]) : cell.to_s.rjust(widths[at]) }.join("  ")
      puts widths.map { |width| "-" * width }.join("  ") if index.zero?
    end
  end

  # The result for programs, with what it was measured on.
  def json_line(name, results)
    busy = busy_with_others
    puts "This machine was busy with other work: #{busy.join(", ")}. The figures are not to be trusted." unless busy.empty?
    puts JSON.generate(bench: name, at: Time.now.utc.strftime("%Y-%m-%dT%H:%M:%SZ"), ruby: RUBY_VERSION,
                       cores: Etc.nprocessors, kafka: KafkaLibraries::VERSION, busy: busy, results: results)
  end

  # Compilers and test runs beside a benchmark are what most often spoils it.
  # @return [Array<String>] names of processes that are running right now
  def busy_with_others
    Dir["/proc/[0-9]*/stat"].filter_map do |path|
      name, state = File.read(path).match(/\((.*)\) (\S)/)&.captures
      name if state == "R" && path != "/proc/#{Process.pid}/stat" && name != "java"
    rescue SystemCallError
      nil # It has ended.
    end
  end

  def thousands(number) = number.round.to_s.gsub(/(\d)(?=(\d{3})+$)/, '\1,')

  # Polls until the block is true; gives up loudly.
  def wait_until(what, seconds: 30)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
    until yield
      abort "not within #{seconds} s: #{what}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
      sleep 0.02
    end
  end
end
