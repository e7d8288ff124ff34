# frozen_string_literal: true

require "fileutils"
require "shellwords"
require_relative "kafka_libraries"

# One Kafka process, broker and controller in one.
class KafkaNode
  STOP_SECONDS = 60
  SECURITY_PROTOCOLS = "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL"

  attr_reader :id, :pid

  def self.java = ENV["JAVA_HOME"] ? File.join(ENV["JAVA_HOME"], "bin/java") : "java"

  # @param pid [Integer, nil] of a node that another process has started
  def initialize(id:, port:, controller_port:, dir:, heap:, pid: nil)
    @id = id
    @port = port
    @controller_port = controller_port
    @dir = dir
    @heap = heap
    @pid = pid
  end

  def to_h = { id: @id, port: @port, controller_port: @controller_port, dir: @dir, heap: @heap, pid: @pid }
  def address = "127.0.0.1:#{@port}"
  def log = File.join(@dir, "kafka.log")

  # Writes the properties and formats the data directory.
  def format(cluster_id, shared)
    FileUtils.mkdir_p(@dir)
    # A listener of its own names these ports.
    ports = { "PORT" => @port.to_s, "CONTROLLER_PORT" => @controller_port.to_s }
    lines = own_properties.merge(shared).map { |key, value| "#{key}=#{value.to_s.gsub(/\b(CONTROLLER_)?PORT\b/, ports)}\n" }
    File.write(properties_file, lines.join)
    command = [*jvm("256m"), "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", properties_file]
    raise "node #{@id} could not be formatted, see #{log}" unless system(*command, %i[out err] => log)
  end

  def start
    return if alive?

    # A group of its own: Ctrl-C in the terminal is for the specs, which then end the node themselves.
    @pid = Process.spawn(*jvm(@heap), "kafka.Kafka", properties_file, %i[out err] => [log, "a"], in: File::NULL, pgroup: true)
    @reaper = Process.detach(@pid)
  end

  def stop
    signal("TERM")
    wait_for_end || kill
  end

  def kill
    signal("KILL")
    wait_for_end
  end

  # Also checks that the pid is still this node: pids are given again.
  def alive?
    return false unless @pid

    File.read("/proc/#{@pid}/cmdline").split("\0").include?(properties_file)
  rescue Errno::ENOENT, Errno::ESRCH
    File.directory?("/proc") ? false : IO.popen(["ps", "-o", "args=", "-p", @pid.to_s], &:read).include?(properties_file)
  end

  private

  def properties_file = File.join(@dir, "server.properties")

  def own_properties
    listeners = "PLAINTEXT://127.0.0.1:#{@port},CONTROLLER://127.0.0.1:#{@controller_port}"
    { "process.roles" => "broker,controller", "node.id" => @id, "listeners" => listeners,
      "advertised.listeners" => "PLAINTEXT://127.0.0.1:#{@port}", "controller.listener.names" => "CONTROLLER",
      "listener.security.protocol.map" => SECURITY_PROTOCOLS,
      "log.dirs" => File.join(@dir, "data"), "auto.create.topics.enable" => false, "group.initial.rebalance.delay.ms" => 0,
      # Fewer internal partitions: a cluster for tests starts faster, and a killed node is taken over sooner.
      "offsets.topic.num.partitions" => 4, "transaction.state.log.num.partitions" => 4,
      "group.min.session.timeout.ms" => 1000, "group.consumer.min.session.timeout.ms" => 1000,
      "group.consumer.min.heartbeat.interval.ms" => 100, "broker.heartbeat.interval.ms" => 500, "controlled.shutdown.enable" => true }
  end

  def jvm(heap)
    [self.class.java, "-Xmx#{heap}", "-XX:+UseG1GC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=#{ENV.fetch("KARAFKA_KAFKA_LOG", "warn")}",
     "-Dorg.slf4j.simpleLogger.showDateTime=true", "-cp", KafkaLibraries.class_path]
  end

  def signal(name)
    Process.kill(name, @pid) if alive?
  rescue Errno::ESRCH
    nil # It ended by itself in between.
  end

  def wait_for_end
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + STOP_SECONDS
    while alive?
      return false if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

      sleep(0.02)
    end
    # The status is collected before we go on, or a process that exits now would leave a zombie.
    @reaper&.join(STOP_SECONDS)
    true
  end
end
