# frozen_string_literal: true

require "tmpdir"
require "support/wait"

RSpec.describe Karafka::Server::ControlSocket do
  include Wait

  let(:directory) { Dir.mktmpdir }
  let(:path) { File.join(directory, "below", "karafka.sock") }

  before { Karafka::App.config.logger = Logger.new(@log = StringIO.new) }

  after do
    @sockets&.each(&:close)
    FileUtils.rm_rf(directory)
  end

  def serve(commands = ->(request, _peer) { { ok: true, echo: request } }, at: path)
    described_class.new(at, commands: commands).tap do |made|
      (@sockets ||= []) << made
      made.serve
    end
  end

  def ask(text, at: path)
    UNIXSocket.open(at) do |socket|
      socket.write(text)
      socket.wait_readable(10) or raise "no answer"
      socket.gets
    end
  end

  it "answers its user, line by line, and says who asks" do
    who = nil
    serve(lambda { |request, peer|
      who = [peer.name, peer.uid, peer.pid]
      { ok: true, echo: request }
    })
    expect(JSON.parse(ask(%({"a":"ä"}\n)))).to eq("ok" => true, "echo" => { "a" => "ä" })
    expect(who).to eq([Etc.getpwuid.name, Process.euid, Process.pid])
  end

  it "is its user's alone from its first moment, whatever the umask is" do
    before = File.umask(0)
    serve
    expect(format("%o", File.stat(path).mode)).to eq("140600")
  ensure
    File.umask(before)
  end

  it "refuses other users, also where the file lets them in" do
    FileUtils.chmod(0o755, directory)
    serve
    FileUtils.chmod(0o666, path)
    reader, writer = IO.pipe
    allow(Process).to receive(:euid).and_return(Process.euid + 1) unless Process.uid.zero?
    pid = fork do
      Process::Sys.setuid(65_534) if Process.uid.zero?
      writer.write(ask("{}\n"))
      writer.close
      exit!(0)
    end
    writer.close
    expect(reader.read).to include("only the user of the process")
    Process.wait(pid)
  end

  it "takes the place of one that a dead process has left, and not of a living one" do
    path # Before the fork: both have to mean the same.
    pid = fork do
      described_class.new(path).serve
      exit!(0)
    end
    Process.wait(pid)
    expect(File.socket?(path)).to be(true)
    serve
    expect { described_class.new(path) }.to raise_error(Karafka::Errors::InvalidConfigurationError, /another process has/)
    expect(ask("{}\n")).to include("true")
  end

  it "leaves no file open" do
    before = Dir.children("/proc/self/fd").size
    5.times { serve.close }
    expect(Dir.children("/proc/self/fd").size).to eq(before)
  end

  it "removes its file, and not another one's of that name" do
    first = serve
    first.close
    expect(File.exist?(path)).to be(false)
    second = serve
    File.delete(path)
    third = serve
    second.close
    expect(File.socket?(path)).to be(true)
    third.close
    expect(File.exist?(path)).to be(false)
  end

  it "is not inherited by a child that is forked" do
    reader, writer = IO.pipe
    made = serve
    pid = fork do
      reader.close
      made.close
      writer.close
      sleep
    end
    writer.close
    reader.read
    expect(File.socket?(path)).to be(true)
    held = Dir.children("/proc/#{pid}/fd").map { |fd| File.readlink("/proc/#{pid}/fd/#{fd}") }
    own = File.readlink("/proc/self/fd/#{made.instance_variable_get(:@socket).fileno}")
    expect(held).not_to include(own)
  ensure
    Process.kill(:KILL, pid)
    Process.wait(pid)
  end

  it "stays well, whatever comes" do
    serve
    rubbish = ["\n", "{\n", "\xFF\xFE\n".b, "[#{"[" * 100}\n", "null\n", "{\"a\":\"\xFF\"}\n".b]
    answers = rubbish.map { |text| JSON.parse(ask(text)) }
    expect(answers.reject { |answer| answer["ok"] }.map { |answer| answer["error"] }).to all(match(/one line with a JSON object/))
    expect(ask("x" * 20_000)).to include("at most 16384 bytes")
    UNIXSocket.open(path, &:close)
    UNIXSocket.open(path) { |socket| socket.write("{") }
    expect(ask("{}\n")).to include("true")
  end

  it "answers a command that raises, and goes on" do
    serve(->(request, _peer) { request["fail"] ? raise("no") : { ok: true } })
    expect(JSON.parse(ask(%({"fail":1}\n)))).to eq("ok" => false, "error" => "RuntimeError: no")
    expect(ask("{}\n")).to include("true")
  end

  it "ends a connection that says nothing, and serves no more than eight" do
    stub_const("Karafka::Server::ControlSession::PATIENCE", 0.2)
    serve
    silent = Array.new(8) { UNIXSocket.new(path) }
    wait_until("sessions") { Thread.list.count { |thread| thread.name == "karafka.control" } >= 9 }
    expect(UNIXSocket.open(path, &:gets)).to include("are being served")
    silent.each { |socket| expect(socket.wait_readable(10) && socket.read).to eq("") }
    expect(wait_until("an answer") { ask("{}\n").include?("true") }).to be(true)
  ensure
    silent&.each(&:close)
  end

  it "does not wait for the command that runs when it is closed" do
    begun = Queue.new
    made = serve(->(*) { begun.push(true) && sleep })
    asking = UNIXSocket.new(path)
    asking.write("{}\n")
    begun.pop
    made.close
    expect(asking.wait_readable(10)).not_to be_nil
  ensure
    asking&.close
  end

  describe "where it is" do
    it "refuses a path that no Unix socket can have when the application is set up" do
      long = "/tmp/#{"x" * 120}"
      expect do
        Karafka::App.setup do |config|
          config.kafka = { "bootstrap.servers": "127.0.0.1:9092" }
          config.control.socket = long
        end
      end.to raise_error(Karafka::Errors::InvalidConfigurationError, /config.control.socket is .*at most 103 bytes/)
    ensure
      Karafka::App.config.control.socket = nil
    end

    it "says so where no file can be" do
      expect { described_class.new("/proc/karafka.sock") }.to raise_error(Karafka::Errors::InvalidConfigurationError, /may write to/)
    end

    it "takes no file from children where it could not be made" do
      FileUtils.mkdir_p(File.dirname(path))
      File.write(path, "no socket")
      expect { described_class.new(path) }.to raise_error(Karafka::Errors::InvalidConfigurationError, /in use/)
      # One of them has its number.
      files = Array.new(5) { File.open(File::NULL) }
      pid = fork { exit!(files.all? { |file| File.exist?("/proc/self/fd/#{file.fileno}") } ? 0 : 1) }
      expect(Process.wait2(pid).last.exitstatus).to eq(0)
      expect(File.read(path)).to eq("no socket")
    ensure
      files&.each(&:close)
    end

    it "is another file for each node of a swarm" do
      paths = [nil, 0, 12].map { |node| Karafka::Setup::SocketPath.of("tmp/k.sock", node: node) }
      expect(paths.map { |one| one.delete_prefix("#{Karafka.root}/") }).to eq(%w[tmp/k.sock tmp/k.sock.0 tmp/k.sock.12])
      ["", ".0", ".2", ".10"].each { |suffix| serve(at: "#{directory}/s#{suffix}") }
      File.write("#{directory}/s.1", "no socket")
      found = Karafka::Setup::SocketPath.existing("#{directory}/s")
      expect(found.map { |one| one.delete_prefix("#{directory}/") }).to eq(%w[s s.0 s.2 s.10])
    end
  end
end
