# frozen_string_literal: true

# Runs in a root of its own, beside the gem and spec/support/json_documents.rb: installs the gem into an empty GEM_HOME and uses it as
# somebody does who has just installed it. Prints what it measured; the first thing that does not hold ends it with 1.
#
#   ruby run.rb GEM MESSAGES SECONDS       SECONDS: the longest that installing may take; 0: any time
#   KAFKA=HOST:PORT                          transactions on that Kafka as well
#   TLS=HOST:PORT AUTHORITY=PEM              a TLS listener, and the authority that has signed its certificate

require "fileutils"
require "open3"
require "rbconfig"
require "socket"
require "timeout"
require "tmpdir"

GEM = ARGV[0]
MESSAGES = Integer(ARGV[1])
LIMIT_SECONDS = Float(ARGV[2])
HOME = Dir.mktmpdir
ENVIRONMENT = { "GEM_HOME" => "#{HOME}/gems", "PATH" => "#{HOME}/gems/bin:#{ENV.fetch("PATH")}" }.freeze
# Emulated processors are slow.
DEADLINE_SECONDS = 300

def check(what, holds, detail = nil)
  puts "#{holds ? "ok" : "FAILED"}: #{what}#{" (#{detail})" if detail}"
  $stdout.flush
  exit(1) unless holds
end

def seconds
  started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  yield
  Process.clock_gettime(Process::CLOCK_MONOTONIC) - started
end

# @return [Array(String, Boolean)]
def command(*words, env: {}, input: "")
  output, status = Timeout.timeout(DEADLINE_SECONDS) { Open3.capture2e(ENVIRONMENT.merge(env), *words, stdin_data: input, chdir: HOME) }
  [output, status.success?]
end

def script(name, **env)
  command(RbConfig.ruby, File.join(__dir__, name), env: env.transform_keys(&:to_s))
end

output = good = nil
# As the command `gem` of this Ruby, which a system may call otherwise.
install = ["-rrubygems/gem_runner", "-e", "Gem::GemRunner.new.run(ARGV)", "--", "install", "--local", "--no-document", GEM]
took = seconds { output, good = command(RbConfig.ruby, *install) }
check("gem install --local", good, good ? format("%.1f s", took) : output)
check("in less than #{LIMIT_SECONDS} s", took < LIMIT_SECONDS) if LIMIT_SECONDS.positive?

reader, writer = IO.pipe
broker = spawn(ENVIRONMENT, RbConfig.ruby, "-S", "karafka", "broker", "--topics", "orders", out: writer, err: writer, chdir: HOME)
at_exit do
  Process.kill(:KILL, broker)
  FileUtils.rm_rf(HOME)
rescue Errno::ESRCH
  nil
end
text = +""
Timeout.timeout(DEADLINE_SECONDS) { text << reader.readpartial(4096) until text[/\b(?:127\.0\.0\.1|localhost):\d+/] }
address = text[/\b(?:127\.0\.0\.1|localhost):\d+/]
check("karafka broker", true, address)

output, good = command(RbConfig.ruby, "-S", "karafka", "produce", "orders", "--brokers", address, input: "{\"id\":1}\n")
check("karafka produce", good, output.lines.last&.strip)

output, good = script("messages.rb", KAFKA: address, MESSAGES: MESSAGES.to_s)
check("#{MESSAGES} messages, produced and consumed", good, output.lines.last(good ? 1 : 20).join.strip)
output, good = script("json.rb")
check("JSON as JSON.parse has it", good, output.lines.last(good ? 1 : 20).join.strip)

if (kafka = ENV.fetch("KAFKA", nil))
  output, good = script("transactions.rb", KAFKA: kafka)
  check("transactions on a Kafka", good, output.lines.last(good ? 1 : 20).join.strip)
end

if (tls = ENV.fetch("TLS", nil))
  require_relative "authorities"
  Authorities.new(tls, ENV.fetch("AUTHORITY")).check { |what, holds, detail| check(what, holds, detail) }
end
