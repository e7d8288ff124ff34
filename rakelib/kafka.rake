# frozen_string_literal: true

require_relative "../spec/support/kafka_cluster"

namespace :kafka do
  desc "Start real Kafka with 1 or more nodes, and leave it running"
  task :up, [:nodes] do |_task, arguments|
    nodes = Integer(arguments.fetch(:nodes, "1"))
    running = KafkaCluster.running
    # Others may be using it: it is not restarted just because somebody asks again.
    cluster = running if running && [0, nodes].include?(running.nodes.size)
    cluster ||= KafkaCluster.new.up(nodes:, keep: true, heap: "1g")
    puts "Kafka #{KafkaLibraries::VERSION} at #{cluster.bootstrap_servers}"
    puts "rake kafka:down ends it; KARAFKA_TEST_BROKERS=#{cluster.bootstrap_servers} points other programs at it"
  end

  desc "End the Kafka that kafka:up has started"
  task :down do
    cluster = KafkaCluster.new
    cluster.load ? cluster.down : puts("no Kafka of this checkout is running")
  end

  desc "Where it is, and its topics"
  task :status do
    cluster = KafkaCluster.running
    next puts("no Kafka of this checkout is running") unless cluster

    puts cluster.bootstrap_servers
    cluster.admin.metadata[:topics].sort.each { |name, topic| puts "  #{name}: #{topic[:partitions].size} partitions" }
  end
end
