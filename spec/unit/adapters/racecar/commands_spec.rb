# frozen_string_literal: true

require "karafka/compat/racecar"
require "support/adapter_application"

RSpec.describe "the commands of racecar" do
  include AdapterApplication

  let(:app) { application("idle.rb" => <<~RUBY) }
    class IdleConsumer < Racecar::Consumer
      subscribes_to "t"
      def process(message) = nil
    end
    class NoConsumer; end
  RUBY

  after do
    app.close
    Racecar.config = nil
  end

  def failing(command, *arguments, env: {})
    out, status = app.run(command, *arguments, env: env)
    expect(status.exitstatus).to eq(1), out
    out
  end

  describe "racecar" do
    {
      [] => "racecar: no consumer specified: racecar ClassName [options]; racecar --help lists them\n",
      %w[A B] => "racecar: one consumer class at a time, not B besides A\n",
      %w[A --nonsense] => "racecar: invalid option: --nonsense\n",
      %w[IdleConsumer] => "racecar: consumer class IdleConsumer was not found (uninitialized constant IdleConsumer); load its file with " \
                          "--require FILE\n",
      %w[NoConsumer -r ./idle] => "racecar: NoConsumer is not a Racecar::Consumer\n",
      %w[IdleConsumer -r ./idle --pause-timeout soon] => "racecar: pause_timeout: \"soon\" is not a float: write a number of seconds\n",
      %w[IdleConsumer -r ./idle --brokers] => "racecar: missing argument: --brokers\n",
      %w[IdleConsumer -r ./idle --fetch-messages 0] => "racecar: `fetch_messages` is 0: write at least 1\n",
      %w[IdleConsumer -r ./missing] => "racecar: cannot load such file -- ./missing\n"
    }.each do |arguments, text|
      it("says in one line what is wrong with #{arguments.inspect}") do
        expect(failing("racecar", *arguments).sub("#{app.dir}/", "./")).to eq(text)
      end
    end

    it "raises a Racecar::ConsumerError, which is a Racecar::Error, where that is no consumer" do
      cli = Racecar::Cli.new(["String"])
      expect { cli.send(:consumer_class) }.to raise_error(Racecar::ConsumerError, "String is not a Racecar::Consumer")
      expect(Racecar::ConsumerError).to be < Racecar::Error
    end

    it "has each setting as an option, -r, -l, --help and --version" do
      out, status = app.run("racecar", "--help")
      expect([status.exitstatus, out]).to match([0, /-r, --require STRING.*-l, --log STRING.*--brokers VALUE +list \(localhost:9092\)/m])
      expect(out.scan(/^ +--(?:\[no-\])?(\S+)/).flatten.map { |flag| flag.tr("-", "_").to_sym }).to include(*Racecar::Config.variables)
      expect(app.run("racecar", "--version").first).to eq("Racecar 2.12.0 (karafka-rs #{Karafka::VERSION})\n")
    end
  end

  describe "racecarctl" do
    it "lists its commands, and refuses others" do
      expect(app.run("racecarctl").first).to include("status", "stop", "produce", "liveness_probe")
      expect(failing("racecarctl", "strat")).to eq("racecarctl: no command strat; there are status, stop, produce, liveness_probe, " \
                                                   "version, help\n")
      expect(app.run("racecarctl", "version").first).to start_with("Racecar 2.12.0")
    end

    it "status and stop need --pidfile, and say where no process is" do
      expect(failing("racecarctl", "status")).to eq("racecarctl: name the file with the process's id: --pidfile FILE\n")
      expect(failing("racecarctl", "status", "--pidfile", "a.pid")).to eq("not running - no #{app.path("a.pid")}\n")
      expect(failing("racecarctl", "stop", "--pidfile", "a.pid")).to eq("racecarctl: Racecar is not running\n")
      gone = Process.spawn("true").tap { |pid| Process.wait(pid) }
      app.write("a.pid", gone.to_s)
      expect(failing("racecarctl", "status", "--pidfile",
                     "a.pid")).to eq("not running - #{app.path("a.pid")} is left over from PID #{gone}\n")
    end

    it "status and stop find the process of the file" do
      app.write("a.pid", Process.spawn("sleep", "60").to_s)
      reaper = Process.detach(Integer(app.read("a.pid")))
      expect(app.run("racecarctl", "status", "--pidfile", "a.pid").first).to eq("running (PID = #{reaper.pid})\n")
      expect(app.run("racecarctl", "stop", "--pidfile", "a.pid").first).to eq("stopped\n")
      expect(reaper.value.termsig).to eq(Signal.list["TERM"])
    end

    it "produce needs a topic and a value" do
      expect(failing("racecarctl", "produce", "-k", "k")).to eq("racecarctl: produce needs --topic and --value\n")
    end

    it "liveness_probe looks at the time of the file" do
      env = { "RACECAR_LIVENESS_PROBE_ENABLED" => "1", "RACECAR_LIVENESS_PROBE_FILE_PATH" => app.path("alive") }
      expect(failing("racecarctl", "liveness_probe")).to eq("racecarctl: liveness_probe_enabled is false\n")
      expect(failing("racecarctl", "liveness_probe", env: env)).to include("does not exist: the consumer has not started, or has stopped")
      app.write("alive", "")
      expect(Racecar::LivenessProbe.new(app.path("alive"), 5)).to be_alive
      expect(Racecar::Daemon.alive?(Process.pid)).to be(true)
      expect(app.run("racecarctl", "liveness_probe", env: env).last.exitstatus).to eq(0)
      File.utime(Time.now - 60, Time.now - 60, app.path("alive"))
      expect(failing("racecarctl", "liveness_probe", env: env)).to match(/the last sign of life was 6\d\.\d s ago; .*max_interval is 5 s/)
    end

    it "liveness_probe leaves the configuration files out with RACECAR_LIVENESS_PROBE_SKIP_CONFIG_FILES" do
      app.write("config/racecar.rb", "abort 'slow'")
      app.write("alive", "")
      env = { "RACECAR_LIVENESS_PROBE_ENABLED" => "1", "RACECAR_LIVENESS_PROBE_FILE_PATH" => app.path("alive") }
      expect(failing("racecarctl", "liveness_probe", env: env)).to eq("slow\n")
      env["RACECAR_LIVENESS_PROBE_SKIP_CONFIG_FILES"] = "true"
      expect(app.run("racecarctl", "liveness_probe", env: env).last.exitstatus).to eq(0)
    end
  end

  it "stand in bin/ after karafka install --racecar, with a configuration file, and load the adapter" do
    lib = File.join(AdapterApplication::ROOT, "lib")
    env = { "RUBYLIB" => lib, "BUNDLE_GEMFILE" => nil }
    out, = Open3.capture2e(env, RbConfig.ruby, File.join(lib, "../exe/karafka"), "install", "--racecar", chdir: app.dir)
    expect(out).to eq("create  bin/racecar\ncreate  bin/racecarctl\ncreate  config/racecar.yml\n")
    expect(Open3.capture2e(env, "bin/racecar", "--version", chdir: app.dir).first).to start_with("Racecar 2.12.0")
    expect(Open3.capture2e(env, "bin/racecarctl", "version", chdir: app.dir).first).to start_with("Racecar 2.12.0")
    expect(Racecar::Config.new(env: {}).tap { |config| config.load_files(app.dir) }.brokers).to eq(["localhost:9092"])
  end

  it "require \"racecar\" and its other files lead here once the adapter is loaded" do
    names = %w[racecar racecar/cli racecar/ctl racecar/heroku]
    script = "require \"karafka/compat/racecar\"; #{names}.each { |name| require name rescue puts($!.message) }; p Racecar.autoload?(:Cli)"
    out, = Open3.capture2e(RbConfig.ruby, "-I", File.join(AdapterApplication::ROOT, "lib"), "-e", script, chdir: app.dir)
    expect(out).to eq("racecar/heroku: KAFKA_URL, KAFKA_TRUSTED_CERT, KAFKA_CLIENT_CERT, KAFKA_CLIENT_CERT_KEY is not set\nnil\n")
  end

  it "racecar/heroku takes the add-on's variables" do
    config = Racecar::Config.new(env: {})
    env = { "KAFKA_URL" => "kafka+ssl://a:9096,kafka+ssl://b:9096", "KAFKA_TRUSTED_CERT" => "ca", "KAFKA_CLIENT_CERT" => "cert",
            "KAFKA_CLIENT_CERT_KEY" => "key", "KAFKA_PREFIX" => "river-1." }
    Racecar::Heroku.load_configuration(config, env)
    expect([config.brokers, config.security_protocol, config.group_id_prefix]).to eq([%w[a:9096 b:9096], "ssl", "river-1."])
    expect(%i[ssl_ca_location ssl_certificate_location ssl_key_location].map { |name| File.read(config.get(name)) }).to eq(%w[ca cert key])
    expect(config.consumer_kafka).to include("ssl.endpoint.identification.algorithm" => "none", "security.protocol" => "ssl")
  end
end
