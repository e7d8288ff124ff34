# frozen_string_literal: true

require "fileutils"
require "open3"

# `prometheus` and `promtool`: those that are installed, else Debian's package, which is unpacked once into .prometheus. Nothing is
# installed, so no service is started.
module PrometheusTools
  DIRECTORY = File.expand_path("../../.prometheus", __dir__)

  module_function

  # @param name [String] "prometheus" or "promtool"
  # @return [String, nil] where it is; nil: it is not there and can't be had
  def path(name)
    installed(name) || unpacked(name) || (fetch && unpacked(name))
  end

  # @return [String, nil] why there is none
  def unavailable
    "no Prometheus (apt-get install prometheus)" unless path("promtool") && path("prometheus")
  end

  # @param arguments [Array<String>] of promtool
  # @param input [String] what it reads
  # @return [String] what it found; "" where all is well
  # @raise [RuntimeError] there is no promtool
  def check(*arguments, input: "", dir: Dir.pwd)
    output, status = Open3.capture2e(path("promtool") || raise(unavailable), *arguments, stdin_data: input, chdir: dir)
    status.success? && !arguments.include?("metrics") ? "" : output
  end

  def installed(name)
    ENV.fetch("PATH", "").split(":").map { |dir| File.join(dir, name) }.find { |file| File.executable?(file) }
  end

  def unpacked(name)
    file = File.join(DIRECTORY, "usr/bin", name)
    file if File.executable?(file)
  end

  # 19 MB. Several specs may ask at once.
  def fetch
    FileUtils.mkdir_p(DIRECTORY)
    File.open(File.join(DIRECTORY, "lock"), "w") do |lock|
      lock.flock(File::LOCK_EX)
      return true if unpacked("promtool")

      quiet = { chdir: DIRECTORY, %i[out err] => File::NULL }
      return false unless installed("dpkg") && system("apt-get", "download", "-q", "prometheus", quiet)

      package = Dir[File.join(DIRECTORY, "prometheus_*.deb")].last
      system("dpkg", "-x", package, ".", quiet).tap { FileUtils.rm_f(package) }
    end
  rescue SystemCallError
    false # no apt-get here
  end
end
