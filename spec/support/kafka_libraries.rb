# frozen_string_literal: true

require "fileutils"

# Apache Kafka's own jars from Maven Central, fetched once into a cache directory.
module KafkaLibraries
  # verify/brokers.rb runs older ones.
  VERSION = ENV.fetch("KARAFKA_KAFKA_VERSION", "4.1.0")
  # kafka-tools brings the performance tools that bench/peers uses, slf4j-simple the log.
  ARTIFACTS = [["org.apache.kafka", "kafka_2.13", VERSION], ["org.apache.kafka", "kafka-tools", VERSION],
               ["org.slf4j", "slf4j-simple", "1.7.36"]].freeze

  module_function

  # @return [String, nil] why real Kafka can't run here; nil where it can
  def unavailable
    return "no JDK (apt-get install default-jdk-headless maven)" unless command?("java")

    "no Maven to fetch Kafka's jars with (apt-get install maven)" unless command?("mvn") || fetched?(default_dir)
  end

  # @return [String] the class path for `java -cp`
  def class_path(root = default_dir)
    fetch(root) unless fetched?(root)
    "#{libs(root)}/*"
  end

  def default_dir
    ENV.fetch("KARAFKA_KAFKA_DIR") { File.expand_path("../../.kafka", __dir__) }
  end

  def libs(root) = File.join(root, "libs-#{VERSION}")
  def fetched?(root) = File.exist?(File.join(libs(root), ".complete"))

  # Several processes may want it at once on a new machine: one fetches, the others wait for it.
  def fetch(root)
    FileUtils.mkdir_p(libs(root))
    File.open(File.join(root, ".fetching-#{VERSION}"), File::CREAT | File::RDWR) do |lock|
      lock.flock(File::LOCK_EX)
      copy_dependencies(root) unless fetched?(root)
    end
  end

  def copy_dependencies(root)
    pom = File.join(root, "pom-#{VERSION}.xml")
    File.write(pom, pom_xml)
    command = ["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", "-DoutputDirectory=#{libs(root)}"]
    log = File.join(root, "maven.log")
    raise "Kafka's jars could not be fetched, see #{log}" unless system(*command, %i[out err] => log)

    FileUtils.touch(File.join(libs(root), ".complete"))
  end

  def pom_xml
    dependencies = ARTIFACTS.map do |group, name, version|
      "<dependency><groupId>#{group}</groupId><artifactId>#{name}</artifactId><version>#{version}</version></dependency>"
    end
    <<~XML
      <project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
        <groupId>local</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>
        <dependencies>#{dependencies.join}</dependencies>
      </project>
    XML
  end

  def command?(name)
    ENV.fetch("PATH", "").split(":").any? { |dir| File.executable?(File.join(dir, name)) }
  end
end
