# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "../../spec/support/wait"
require_relative "image"

module Verify
  # The steps of a Dockerfile in a Debian that debootstrap makes, as far as an image is files, and what runs is a process: the gem comes
  # from a source of its own, is compiled in the first stage, and consumes in the second one, which has no compiler.
  class Deploy
    ROOT = File.expand_path("../..", __dir__)
    SUITE = "trixie"
    # What the image ruby:3.3-slim-trixie has, from Debian, and the libraries that the gem depends on: its source has one gem only.
    PACKAGES = %w[ca-certificates ruby ruby-dev bundler ruby-thor ruby-zeitwerk].freeze
    ENVIRONMENT = {
      "LANG" => "C.UTF-8", "GEM_HOME" => "/usr/local/bundle", "BUNDLE_APP_CONFIG" => "/usr/local/bundle",
      "BUNDLE_SILENCE_ROOT_WARNING" => "1", "DEBIAN_FRONTEND" => "noninteractive",
      "PATH" => "/usr/local/bundle/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    }.freeze
    GEMFILE = "source \"file:///srv/gems\"\n\ngem \"karafka-rs\"\n"
    # How long a stop may take that has nothing to wait for.
    STOP_S = 30
    include Wait

    # @return [String, nil] why it cannot run here
    def self.unavailable
      return "it needs the rights of root" unless Process.uid.zero?

      missing = %w[debootstrap unshare chroot].reject { |name| system("command -v #{name} > /dev/null") }
      "#{missing.join(", ")} is not installed" if missing.any?
    end

    # @param gem [String, nil] the file of a gem instead of that of this checkout, such as one that is compiled already
    def initialize(gem: nil)
      @gem = gem
    end

    def run
      Dir.mktmpdir("karafka-deploy") do |dir|
        @dir = dir
        @context = File.join(dir, "app")
        FileUtils.cp_r(File.join(__dir__, "app"), @context)
        @layers = [given_files, base]
        File.write(File.join(@context, "Gemfile"), GEMFILE)
        lock
        @image = Image.new(dir, layers: @layers, context: @context, env: ENVIRONMENT)
        @image.build(Dockerfile.new(File.read(File.join(ROOT, "examples/deploy/Dockerfile"))))
        check_files
        check_process
      ensure
        kill
        @image&.close
        stop_broker
      end
    end

    private

    # Kept for the next time, as those of bin/verify-in-debian.
    def base
      root = File.join(ENV.fetch("KARAFKA_CHROOTS", File.join(Dir.home, ".cache/karafka-rs/debian")), "#{SUITE}-ruby")
      return root if File.exist?(File.join(root, ".complete"))

      FileUtils.rm_rf(root)
      FileUtils.mkdir_p(root)
      sh("debootstrap", "--variant=minbase", "--include=#{PACKAGES.join(",")}", SUITE, root)
      # Registries may be reached through a proxy with a certificate of its own.
      FileUtils.cp_r("/usr/local/share/ca-certificates/.", File.join(root, "usr/local/share/ca-certificates"), dereference_root: true)
      sh("chroot", root, "update-ca-certificates")
      FileUtils.touch(File.join(root, ".complete"))
      root
    end

    # What an image gets from outside: names of hosts, and the source of the gem.
    def given_files
      layer = File.join(@dir, "given")
      gems = File.join(layer, "srv/gems/gems")
      [gems, File.join(layer, "etc")].each { |sub| FileUtils.mkdir_p(sub) }
      FileUtils.cp("/etc/resolv.conf", File.join(layer, "etc/resolv.conf"))
      @gem ? FileUtils.cp(@gem, gems) : build(File.join(gems, "karafka-rs-#{version}.gem"))
      sh("gem", "generate_index", "--directory", File.join(layer, "srv/gems"))
      layer
    end

    def build(path) = sh("gem", "build", "karafka-rs.gemspec", "--strict", "--output", path, chdir: ROOT)

    # As the developer has done before.
    def lock
      root = Root.new(File.join(@dir, "developer"), @layers, ENVIRONMENT)
      FileUtils.cp_r(@context, root.file("/app"))
      root.run("bundle lock", workdir: "/app")
      FileUtils.cp(root.file("/app/Gemfile.lock"), @context)
    ensure
      root&.close
    end

    def check_files
      compilers = %w[cc gcc clang cargo].select { |name| File.exist?(@image.root.file("/usr/bin/#{name}")) }
      raise Root::Failed, "the image has #{compilers.join(", ")}" if compilers.any?

      say "no compiler in the last stage"
    end

    # Consumes as another user and process 1, ends by the image's signal with what it did committed, and goes on after it the next time.
    def check_process
      start_broker("orders")
      [%w[1 2 3], %w[4]].each_with_index do |orders, number|
        orders.each { |order| produce(order) }
        log = File.join(@dir, "server-#{number}.log")
        pid = start(log)
        wait_for(log, "order #{orders.last} at")
        check_identity(pid)
        stop(pid, log)
        seen = File.read(log).scan(/^order (\d)/).flatten
        raise Root::Failed, "orders #{seen.join(", ")} instead of #{orders.join(", ")}" unless seen == orders
      end
      say "orders 1 to 3, a stop by #{signal}, then order 4 alone"
    end

    def start(log)
      settings = @image.settings
      say "CMD #{settings.command.join(" ")} as #{settings.user}"
      @pid = @image.root.start(settings.command, workdir: settings.workdir, user: settings.user, env: { "KAFKA_BROKERS" => @brokers },
                                                 log: log)
    end

    # What a failed check has left. Its child ends with it.
    def kill
      return unless @pid

      Process.kill(:KILL, @pid)
      Process.wait(@pid)
    end

    def check_identity(pid)
      status = File.read("/proc/#{child(pid)}/status")
      name = File.read("/proc/#{child(pid)}/cmdline").split("\0").first
      uid = status[/^Uid:\s+(\d+)/, 1]
      own = status[/^NSpid:.*\s(\d+)$/, 1]
      say "process #{own} of its container, user #{uid}: #{name}"
      raise Root::Failed, "the server is process #{own} and user #{uid}, but should be process 1, and not root" if own != "1" || uid == "0"
    end

    def stop(pid, log)
      Process.kill(signal, child(pid))
      status = wait_for_exit(pid, seconds: STOP_S).exitstatus
      @pid = nil
      raise Root::Failed, "it ended with #{status}\n#{File.read(log)}" unless status.zero?
    end

    def signal = @image.settings.stop_signal
    def child(pid) = Integer(File.read("/proc/#{pid}/task/#{pid}/children")[/\d+/])

    def wait_for(log, text)
      wait_until(text) { File.read(log).include?(text) }
    rescue DeadlineError => e
      raise Root::Failed, "#{e.message}\n#{File.read(log)}"
    end

    def start_broker(topic)
      require "karafka"
      @broker = Karafka::Native::MockBroker.new(1)
      @broker.create_topic(topic, 1)
      @brokers = @broker.bootstrap_servers
      @producer = WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": @brokers } }
    end

    def produce(order) = @producer.produce_sync(topic: "orders", payload: order)

    def stop_broker
      @producer&.close
      @broker&.close
    end

    def version = File.read(File.join(ROOT, "lib/karafka/version.rb"))[/VERSION = "(.+)"/, 1]
    def sh(*command, **options) = system(*command, **options) || raise(Root::Failed, "#{command.join(" ")} failed")
    def say(text) = puts("== #{text}")
  end
end
