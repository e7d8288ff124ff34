# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"
require "fileutils"
require "support/kafka_cluster"

# The command in a process of its own, in a directory with an application, as a user runs it.
module CommandLine
  ROOT = File.expand_path("../..", __dir__)
  COMMAND = [RbConfig.ruby, "-I", File.join(ROOT, "lib"), File.join(ROOT, "exe/karafka")].freeze
  Result = Struct.new(:status, :out, :err)

  def self.included(group)
    group.let(:directory) { File.realpath(Dir.mktmpdir) }
    group.after { FileUtils.rm_rf(directory) }
  end

  def cluster = @cluster ||= KafkaCluster.shared
  def unused_name(kind = "t") = "#{kind}-#{SecureRandom.hex(6)}"

  # @param text [String] what follows the set-up: routes, declarations
  def application(text)
    File.write(File.join(directory, "karafka.rb"), <<~RUBY)
      class CommandConsumer < Karafka::BaseConsumer
        def consume; end
      end

      Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": #{cluster.bootstrap_servers.inspect} } }
      #{text}
    RUBY
  end

  # @return [Result]
  def karafka(*argv, input: "", env: {})
    env = { "BUNDLE_GEMFILE" => nil, "RUBYOPT" => nil, "KARAFKA_ENV" => nil }.merge(env)
    out, err, status = Open3.capture3(env, *COMMAND, *argv, stdin_data: input, chdir: directory)
    Result.new(status.exitstatus, out, err)
  end

  # A user's mistake is one line, and exit status 1.
  def fail_in_one_line(*argv, with:, **options)
    result = karafka(*argv, **options)
    expect([result.status, result.err.lines.size]).to eq([1, 1]), result.err
    expect(result.err).to match(with)
  end
end
