# frozen_string_literal: true

require "fileutils"
require "json"
require "securerandom"
require_relative "free_ports"
require_relative "kafka_libraries"
require_relative "kafka_node"
require_relative "kafka_wire"

# A real Apache Kafka (KRaft) cluster on this machine, for specs, benches and the rake tasks.
#
#   cluster = KafkaCluster.new.up(nodes: 3)     # fetches the jars at the first use; 3 to 6 s a start afterwards
#   cluster.create_topic("orders", partitions: 4)
#   cluster.bootstrap_servers                   # "127.0.0.1:34567,..."
#   cluster.kill_node(2)                        # SIGKILL;  stop_node(2), start_node(2)
#   cluster.down                                # also at exit of the process that called `up`
#
# Its state is in .kafka/<name>/cluster.json, so another process finds a running cluster with KafkaCluster.running.
# KARAFKA_TEST_BROKERS names an existing cluster to use instead; its nodes can't be started or killed from here.
class KafkaCluster
  # The cluster could not be started, or did not become ready in time.
  class Error < StandardError; end

  READY_SECONDS = 180

  attr_reader :nodes

  class << self
    # @return [String, nil] why there can be no real Kafka here
    def unavailable
      return if ENV["KARAFKA_TEST_BROKERS"]

      KafkaLibraries.unavailable
    end

    # @return [KafkaCluster, nil] a cluster that somebody has started and that answers
    def running(name = "main")
      cluster = new(name)
      cluster if cluster.external? || (cluster.load && cluster.answers?)
    end

    # The cluster that specs share: the running one, else one of a single node that ends with this process.
    def shared = running || new.up
  end

  # @param name [String] clusters with different names run side by side
  def initialize(name = "main")
    @dir = File.join(KafkaLibraries.default_dir, name)
    @external = ENV.fetch("KARAFKA_TEST_BROKERS", nil) if name == "main"
    @nodes = []
  end

  def external? = !@external.nil?

  # @param keep [Boolean] leave it running when this process exits
  # @param properties [Hash] further lines of each node's server.properties
  # @return [self] when every node answers
  def up(nodes: 1, keep: false, heap: "512m", properties: {})
    return self if external?
    raise Error, "real Kafka can't run here: #{self.class.unavailable}" if self.class.unavailable

    down if load
    FileUtils.rm_rf(@dir)
    build(nodes, heap, properties)
    down_at_exit unless keep
    @nodes.each(&:start)
    save
    wait_until_ready
    self
  rescue StandardError
    down
    raise
  end

  # Ends every node, by its pid, and forgets the cluster.
  def down
    return if external?

    @nodes.each(&:kill)
    FileUtils.rm_f(state_file)
    @nodes = []
  end

  def kill_node(id) = node(id).kill

  # Ends the node as an operator does: it hands over its partitions first.
  def stop_node(id) = node(id).stop

  # @return [self] when the node is part of the cluster again
  def start_node(id)
    node(id).start
    save
    wait_until("node #{id} is back") { wire_to(node(id)).metadata.fetch(:brokers).key?(id) }
    self
  end

  def bootstrap_servers
    @external || @nodes.map(&:address).join(",")
  end

  # @return [KafkaWire] administration over the wire
  def admin = KafkaWire.new(bootstrap_servers)

  # @return [String] the name, when every partition has a leader
  def create_topic(name = "t-#{SecureRandom.hex(6)}", partitions: 1, replication: 1, config: {})
    admin.create_topic(name, partitions: partitions, replication: replication, config: config)
    wait_until("topic #{name} has its leaders") do
      topic = admin.metadata([name]).fetch(:topics).fetch(name)
      led = topic[:partitions].values.all? { |info| info[:leader] >= 0 && info[:isr].sort == info[:replicas].sort }
      # The metadata can name a leader that has not heard of it yet.
      topic[:error].zero? && topic[:partitions].size == partitions && led && admin.offsets(name, -1)
    end
    name
  end

  def delete_topic(name) = admin.delete_topic(name)

  # @return [Hash{Array(String, Integer)=>Integer}] committed offset by [topic, partition]; {} where there is none
  def committed(group)
    admin.committed(group)
  rescue KafkaWire::Error => e
    # It loads what it knows of the group, no coordinator yet, not the coordinator, no such group.
    raise unless [14, 15, 16, 69].include?(e.code)

    {}
  end

  # @return [Hash{Integer=>Array(Integer, Integer)}] low and high watermark by partition
  def watermarks(topic)
    low = admin.offsets(topic, -2)
    admin.offsets(topic, -1).to_h { |partition, high| [partition, [low.fetch(partition), high]] }
  end

  # One of Kafka's own command line tools, for what the wire helper lacks. Costs a JVM start, 1 to 2 s.
  # @return [String] what it printed
  def tool(class_name, *arguments)
    IO.popen([KafkaNode.java, "-cp", KafkaLibraries.class_path, class_name, *arguments, { err: File::NULL }], &:read)
  end

  def answers?
    admin.metadata.fetch(:brokers).any?
  rescue SystemCallError, IOError
    false
  end

  # Reads the state file. @return [Boolean] whether there is one
  def load
    return false unless File.exist?(state_file)

    state = JSON.parse(File.read(state_file), symbolize_names: true)
    @nodes = state.fetch(:nodes).map { |fields| KafkaNode.new(**fields) }
    true
  end

  # Polls the condition; a refused connection counts as not yet.
  def wait_until(what, seconds: READY_SECONDS)
    deadline = now + seconds
    loop do
      begin
        return if yield
      rescue SystemCallError, IOError, KafkaWire::Error
        # Not supported yet.
      end
      raise Error, "not within #{seconds} s: #{what}; logs are in #{@dir}" if now > deadline

      sleep(0.05)
    end
  end

  private

  def node(id)
    raise Error, "the nodes of KARAFKA_TEST_BROKERS can't be started or ended from here" if external?

    @nodes.find { |candidate| candidate.id == id } || raise(Error, "no node #{id}: there are #{@nodes.map(&:id).join(", ")}")
  end

  def build(count, heap, properties)
    ports = FreePorts.take(count * 2)
    shared = own_properties(count, ports.last(count)).merge(properties.transform_keys(&:to_s))
    @nodes = (1..count).map do |id|
      KafkaNode.new(id: id, port: ports[id - 1], controller_port: ports[count + id - 1], heap: heap,
                    dir: File.join(@dir, "node-#{id}"))
    end
    # A minus in front would be an option for Kafka's tool.
    cluster_id = [SecureRandom.random_bytes(16)].pack("m0").tr("+/", "__").delete("=")
    @nodes.map { |new_node| Thread.new { new_node.format(cluster_id, shared) } }.each(&:join)
  end

  def own_properties(count, controller_ports)
    # Another node takes over soon. Where there is none, a busy machine that lets the only one stand still must not take its
    # partitions and groups from it.
    session_ms = count == 1 ? 60_000 : 3_000
    { "controller.quorum.voters" => controller_ports.each.with_index(1).map { |port, id| "#{id}@127.0.0.1:#{port}" }.join(","),
      "broker.session.timeout.ms" => session_ms, "offsets.topic.replication.factor" => [count, 3].min,
      "transaction.state.log.replication.factor" => [count, 3].min, "transaction.state.log.min.isr" => [count, 2].min }
  end

  def wait_until_ready
    wait_until("#{@nodes.size} nodes answer") do
      @nodes.each { |candidate| raise Error, "node #{candidate.id} ended, see #{candidate.log}" unless candidate.alive? }
      @nodes.all? { |candidate| wire_to(candidate).metadata.fetch(:brokers).size == @nodes.size }
    end
    # The first question for a coordinator makes Kafka create its offsets topic; no spec should have to wait for that.
    wait_until("groups have a coordinator") { admin.committed("probe") }
  end

  def wire_to(node) = KafkaWire.new(node.address, timeout: 15)

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  def state_file = File.join(@dir, "cluster.json")

  def save
    File.write("#{state_file}.new", JSON.pretty_generate(bootstrap_servers: bootstrap_servers, nodes: @nodes.map(&:to_h)))
    File.rename("#{state_file}.new", state_file)
  end

  # A forked child inherits the handler, but not the cluster.
  def down_at_exit
    owner = Process.pid
    at_exit { down if Process.pid == owner }
  end
end
