# frozen_string_literal: true

require "fileutils"
require_relative "compiler"
require_relative "root"

# Installs the gem of a platform in a root without any compiler, for each Ruby that it has an extension for, and uses it there:
# rakelib/platforms/smoke.
class Verification
  SMOKE = File.expand_path("smoke", __dir__)
  JSON_DOCUMENTS = File.join(Compiler::ROOT, "spec/support/json_documents.rb")
  MESSAGES = 10_000
  # How long installing may take where the processor is not emulated.
  INSTALL_SECONDS = 5
  private_constant :SMOKE, :JSON_DOCUMENTS

  # @param platform [Platform]
  # @param gem [String] path of its gem
  def initialize(platform, gem)
    @platform = platform
    @gem = gem
  end

  # @param minors [Array<String>]
  # @return [void]
  def call(minors)
    with_kafka do |kafka|
      minors.each do |minor|
        puts "#{File.basename(@gem)} on Ruby #{minor}"
        root = Root.new(minor, @platform).up
        prepare(root, kafka)
        limit_seconds = @platform.native? ? INSTALL_SECONDS : 0
        good = root.run(root.ruby, "/smoke/run.rb", "/smoke/#{File.basename(@gem)}", MESSAGES.to_s, limit_seconds.to_s, env: kafka)
        abort "#{@platform.name} does not work on Ruby #{minor}" unless good
      end
    end
  end

  private

  # A Kafka of this machine, with a TLS listener whose certificate no system trusts.
  # @yieldparam variables [Hash{String=>String}] what the smoke test reads
  def with_kafka
    require_relative "../../spec/support/secured_cluster"
    reason = KafkaCluster.unavailable
    return yield({}) if reason && puts("without a real Kafka: #{reason}").nil?

    cluster = SecuredCluster.new("package-#{@platform.name}").up
    begin
      @authority = cluster.certificates.authority
      yield("KAFKA" => cluster.bootstrap_servers, "TLS" => cluster.address(:ssl), "AUTHORITY" => "/smoke/authority.pem")
    ensure
      cluster.down
    end
  end

  def prepare(root, kafka)
    directory = "#{root.path}/smoke"
    FileUtils.rm_rf(directory)
    FileUtils.mkdir_p(directory)
    FileUtils.cp([*Dir["#{SMOKE}/*.rb"], JSON_DOCUMENTS, @gem], directory)
    FileUtils.cp(@authority, "#{directory}/authority.pem") if kafka["TLS"]
    # Names that resolve as on this machine.
    FileUtils.cp(%w[/etc/resolv.conf /etc/hosts], "#{root.path}/etc")
  end
end
