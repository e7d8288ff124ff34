# frozen_string_literal: true

require "open3"
require "spec_helper"
require "support/mock_cluster"
require "waterdrop"

RSpec.describe "a producer and its process" do
  include MockCluster

  before { broker.create_topic("orders", 4) }
  after { close_cluster }

  def producer
    WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": broker.bootstrap_servers, log_level: 0 }
      config.logger = Logger.new(File::NULL)
    end
  end

  # Runs the block in a child, which answers with what it gives.
  def child
    reader, writer = IO.pipe
    pid = fork do
      reader.close
      answer = begin
        yield
      rescue Exception => e # rubocop:disable Lint/RescueException -- the parent is to see it
        "#{e.class}: #{e.message}"
      end
      writer.write(Marshal.dump(answer))
      writer.close
      exit!(0)
    end
    writer.close
    [pid, reader]
  end

  def answer(pid, reader)
    status = wait_for_exit(pid)
    raise "the child ended with #{status}" unless status.success?

    Marshal.load(reader.read) # rubocop:disable Security/MarshalLoad -- from our own child
  end

  it "rebuilds itself in forked children, while the parent goes on" do
    made = producer
    made.produce_sync(topic: "orders", payload: nil)
    made.buffer(topic: "orders", payload: "the parent's")
    children = Array.new(4) do
      child do
        places = Array.new(20) { made.produce_sync(topic: "orders", payload: nil).then { [_1.partition, _1.offset] } }
        [made.messages.size, places, made.close]
      end
    end
    mine = Array.new(20) { made.produce_sync(topic: "orders", payload: nil).then { [_1.partition, _1.offset] } }
    answers = children.map { |pid, reader| answer(pid, reader) }
    expect(answers.map { |buffered, _, undelivered| [buffered, undelivered] }).to eq([[0, 0]] * 4)
    expect((mine + answers.flat_map { |_, offsets, _| offsets }).uniq.size).to eq(100)
    expect(made.flush_sync.size).to eq(1)
    expect(made.close).to eq(0)
  end

  it "lets a child that never uses it exit, with and without a close" do
    made = producer
    handle = made.produce_async(topic: "orders", payload: nil)
    expect(answer(*child { made.close })).to eq(0)
    pid = fork { GC.start }
    expect(wait_for_exit(pid)).to be_success
    expect(handle.wait).to be_delivered
    made.close
  end

  it "sends what a block of at_exit produces, also one that was registered before the gem was loaded" do
    script = <<~RUBY
      at_exit do
        $producer.produce_async(topic: "orders", payload: "at the end", partition: 0)
        $other.buffer(topic: "orders", payload: "from a buffer", partition: 0)
      end
      require "waterdrop"
      make = lambda do
        WaterDrop::Producer.new do |config|
          config.kafka = { "bootstrap.servers": ARGV.first, log_level: 0 }
          config.logger = Logger.new($stdout)
        end
      end
      $producer, $other = make.call, make.call
      $producer.produce_sync(topic: "orders", payload: "before", partition: 0)
    RUBY
    lib = File.expand_path("../../lib", __dir__)
    out, status = Open3.capture2e(RbConfig.ruby, "-I", lib, "-e", script, broker.bootstrap_servers)
    expect([out, status.success?]).to eq(["", true])
    expect(WireProducer.new(broker.bootstrap_servers).offsets("orders", -1)[0]).to eq(3)
  end

  it "logs what a late block of at_exit could not send" do
    script = <<~RUBY
      at_exit { $producer.produce_async(topic: "orders", payload: "at the end") }
      require "waterdrop"
      $producer = WaterDrop::Producer.new do |config|
        config.kafka = { "bootstrap.servers": "127.0.0.1:1", log_level: 0 }
        config.logger = Logger.new($stdout)
        config.max_wait_timeout = 200
      end
    RUBY
    lib = File.expand_path("../../lib", __dir__)
    out, = Open3.capture2e(RbConfig.ruby, "-I", lib, "-e", script)
    expect(out).to match(/the process ends, and 1 message was not delivered/)
  end

  it "says in a late block of at_exit that a producer could not be flushed, and goes on" do
    script = <<~RUBY
      at_exit { $producers.each { |producer| producer.produce_async(topic: "orders", payload: "at the end") } }
      require "waterdrop"
      $producers = Array.new(2) do
        WaterDrop::Producer.new do |config|
          config.kafka = { "bootstrap.servers": "127.0.0.1:1", log_level: 0 }
          config.logger = Logger.new($stdout)
          config.max_wait_timeout = 200
        end
      end
      def ($producers.first).flush_at_exit(*) = raise("broken")
    RUBY
    lib = File.expand_path("../../lib", __dir__)
    out, = Open3.capture2e(RbConfig.ruby, "-I", lib, "-e", script)
    expect(out.scan(/ERROR -- : \[\S+\] (.*?)(?: \(|$)/).flatten.last(2))
      .to eq(["the end of the process raised RuntimeError: broken", "the process ends, and 1 message was not delivered"])
  end

  it "can be ended by TERM while its only threads wait for a broker that is not there" do
    script = <<~RUBY
      require "waterdrop"
      $stdout.sync = true
      producer = WaterDrop::Producer.new do |config|
        config.kafka = { "bootstrap.servers": "127.0.0.1:1" }
        config.logger = Logger.new($stdout)
        # The end of the process waits so long, too.
        config.max_wait_timeout = 100
      end
      handle = producer.produce_async(topic: "orders", payload: nil)
      p handle
      begin
        handle.wait(max_wait_timeout_ms: 1_500)
      rescue WaterDrop::Errors::ProduceError => e
        puts e.message
      end
      handle.wait(max_wait_timeout_ms: 60_000)
    RUBY
    lib = File.expand_path("../../lib", __dir__)
    IO.popen([RbConfig.ruby, "-I", lib, "-e", script], err: File::NULL) do |out|
      handle = "#<WaterDrop::DeliveryHandle no answer yet>\n"
      lines = []
      # What the log says and what the script says may come in any order.
      until [handle, /\Ano answer for a message to orders within 1500 ms/, /all_brokers_down/].all? { |wanted| lines.any?(wanted) }
        lines << (out.gets || raise("it ended, and has said: #{lines.join}"))
      end
      Process.kill(:TERM, out.pid)
      expect((lines + out.readlines).grep(/all_brokers_down/).size).to eq(1)
    end
    expect($?.termsig).to eq(Signal.list.fetch("TERM")) # rubocop:disable Style/SpecialGlobalVars
  end

  it "tells a child that a handle of its parent will never answer there" do
    made = WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:1", log_level: 0 }
      config.logger = Logger.new(File::NULL)
    end
    handle = made.produce_async(topic: "orders", payload: nil)
    expect(answer(*child { handle.wait })).to start_with("Karafka::Errors::ForkedError")
    made.close(0)
  end

  it "closes from a trap" do
    made = producer
    handle = made.produce_async(topic: "orders", payload: nil)
    result = nil
    before = trap(:USR2) { result = made.close }
    Process.kill(:USR2, Process.pid)
    wait_until("the trap") { !result.nil? }
    trap(:USR2, before || "DEFAULT")
    expect(result).to eq(0)
    expect(handle.report).to be_delivered
    expect(made.status).to be_closed
  end

  it "does not wait for itself where a trap interrupts a close" do
    made = WaterDrop::Producer.new do |config|
      config.kafka = { "bootstrap.servers": "127.0.0.1:1", log_level: 0 }
      config.logger = Logger.new(File::NULL)
      config.max_wait_timeout = 3_000
    end
    made.produce_async(topic: "orders", payload: nil)
    answers = []
    before = trap(:USR2) { answers << made.close }
    main = Thread.current
    Thread.new do
      wait_until("the close") { made.status.closing? && main.status == "sleep" }
      Process.kill(:USR2, Process.pid)
    end
    answers << made.close
    trap(:USR2, before || "DEFAULT")
    expect(answers).to eq([0, 1])
  end

  # A process of its own, which ends without closing anything.
  def run_script(servers, body, max_wait_timeout: 30_000)
    script = <<~RUBY
      require "waterdrop"
      producer = WaterDrop::Producer.new do |config|
        config.id = "p1"
        config.kafka = { "bootstrap.servers": "#{servers}", log_level: 0, "linger.ms": 500 }
        config.logger = Logger.new($stdout)
        config.max_wait_timeout = #{max_wait_timeout}
      end
      #{body}
    RUBY
    Open3.capture2e(RbConfig.ruby, "-I", File.expand_path("../../lib", __dir__), "-e", script)
  end

  it "sends at exit what nobody has waited for: its own, its variants' and what is in the buffer" do
    output, status = run_script(broker.bootstrap_servers, <<~RUBY)
      at_exit { producer.produce_async(topic: "orders", payload: nil, partition: 0) && exit(3) }
      100.times { producer.produce_async(topic: "orders", payload: nil, partition: 0) }
      100.times { producer.with(topic_config: { acks: 1 }).produce_async(topic: "orders", payload: nil, partition: 0) }
      100.times { producer.buffer(topic: "orders", payload: nil, partition: 0) }
      # A child inherits what runs at exit, not what there is to send: it sends its one message.
      fork { nil }
    RUBY
    expect([output, status.exitstatus]).to eq(["", 3])
    expect(producer.then { |made| made.produce_sync(topic: "orders", payload: nil, partition: 0).offset.tap { made.close } }).to eq(302)
  end

  it "starts no thread in a console or a rake task that sends nothing" do
    Dir.mktmpdir do |dir|
      File.write(File.join(dir, "Rakefile"), <<~RUBY)
        require #{OsThreads::FILE.inspect}
        task(:default) do
          before = [Thread.list, OsThreads.all.keys]
          require "karafka"
          kafka = { "bootstrap.servers": "127.0.0.1:1" }
          Karafka::App.setup { |config| config.kafka = kafka }
          Karafka.producer.monitor.subscribe(WaterDrop::Instrumentation::LoggerListener.new(Logger.new(nil)))
          Karafka.producer.with(topic_config: { acks: 1 })
          WaterDrop::Producer.new { |config| [config.kafka = kafka, config.buffer_max_time = 5] }
          WaterDrop::ConnectionPool.setup(size: 5) { |config| config.kafka = kafka }
          p [Thread.list - before.first, OsThreads.all.keys - before.last]
        end
      RUBY
      output, status = Open3.capture2e({ "RUBYLIB" => File.expand_path("../../lib", __dir__) }, "rake", "--silent", chdir: dir)
      expect([output, status.success?]).to eq(["[[], []]\n", true])
    end
  end

  it "says at exit what it could not send" do
    started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    output, status = run_script("127.0.0.1:1", <<~RUBY, max_wait_timeout: 2_000)
      producer.produce_many_async([{ topic: "orders", payload: nil }] * 3)
      producer.buffer(topic: "orders", payload: nil)
    RUBY
    expect(output.scan(/the process ends.*/)).to eq(["the process ends, and 4 messages were not delivered"])
    expect(status).to be_success
    # Its own time limit is 2 s, that of its messages 5 minutes.
    expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - started).to be < 60
  end

  it "closes at exit and when nobody has closed it" do
    answers = [true, false].map do |closes|
      made = producer
      pid = fork do
        at_exit { made.close } if closes
        made.produce_async(topic: "orders", payload: nil)
      end
      wait_for_exit(pid).success?
    end
    expect(answers).to eq([true, true])
  end

  it "is collected without being closed, and sends what it had" do
    offset = lambda do
      made = producer
      made.produce_sync(topic: "orders", payload: nil, partition: 0)
      made.produce_async(topic: "orders", payload: nil, partition: 0)
      nil
    end
    5.times { offset.call }
    GC.start
    # Ten messages of those, then ours.
    wait_until("the last of them") do
      producer.then do |made|
        made.produce_sync(topic: "orders", payload: nil, partition: 0).offset.tap do
          made.close
        end
      end >= 10
    end
  end

  it "holds under GC stress", deadline: 400 do
    made = producer
    made.produce_sync(topic: "orders", payload: nil)
    GC.stress = true
    handles = made.produce_many_async(Array.new(5) do |index|
                                        { topic: :orders, payload: "p#{index}", key: "k", headers: { "a" => ["b", nil] },
                                          timestamp: Time.now }
                                      end)
    report = made.produce_async(topic: "orders", payload: "x", label: "l").wait
    GC.stress = false
    GC.compact
    expect(handles.map { |handle| handle.wait.error }).to eq([nil] * 5)
    expect(report.label).to eq("l")
    made.close
  ensure
    GC.stress = false
  end
end
