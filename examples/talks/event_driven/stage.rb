# frozen_string_literal: true

# What a game day plays on: the services as processes, and a receiver of StatsD's datagrams.
class Stage
  DEADLINE_S = 60
  SILENCE_S = 3
  PATIENCE_S = 15
  Failed = Class.new(StandardError)

  def initialize(root, brokers)
    @root = root
    @dir = Dir.mktmpdir("game-day")
    @statsd = UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 0) }
    @registry, @web = Array.new(2) { free_port }
    @env = { "KAFKA_BROKERS" => brokers, "STATSD_PORT" => @statsd.addr[1].to_s, "INVOICES" => file("invoices"),
             "REGISTRY_URL" => "http://127.0.0.1:#{@registry}", "RAILS_ENV" => "development" }
    @pids = []
    @lag = {}
  end

  def open
    web("registry", @registry)
    wait("the registry answers") { answers?(@registry) }
    deploy_storefront
  end

  # Ends the former version, which sends what it still has.
  def deploy_storefront(env = {})
    stop(@storefront) if @storefront
    @storefront = web("storefront", @web, env: env)
    wait("the storefront answers") { answers?(@web) }
  end

  def start_consumer
    say "$ bin/racecar InvoicesConsumer --require ./invoices_consumer"
    spawned("fulfilment", RbConfig.ruby, "bin/racecar", "InvoicesConsumer", "--require", "./invoices_consumer")
  end

  def kill(pid)
    say "$ kill -9"
    Process.kill(:KILL, pid)
    Process.wait(@pids.delete(pid))
  end

  # @param numbers [Range] of the orders
  def order(numbers)
    numbers.each do |number|
      answer = Net::HTTP.post_form(URI("http://127.0.0.1:#{@web}/orders"), id: number, item: "book", amount: 9.5)
      raise Failed, "the storefront answers #{answer.code}\n#{logs}" unless answer.code == "202"
    end
    say "orders #{numbers.first} to #{numbers.last} are taken"
  end

  # @return [Array<Integer>] numbers of the orders
  def invoices = File.exist?(file("invoices")) ? File.readlines(file("invoices")).map(&:to_i) : []

  # @return [Array<Integer>] of each partition that has reported one, the latest
  def lag
    while @statsd.wait_readable(0)
      # A packet has a line for each metric.
      @statsd.recvfrom(8_192).first.scan(/^lag\.orders\.(\d+):(\d+)\|g$/) { |partition, lag| @lag[partition] = Integer(lag) }
    end
    @lag.values
  end

  def forget_lag
    lag
    @lag.clear
  end

  # @return [Boolean] whether nobody reports anything
  def silent? = @statsd.wait_readable(SILENCE_S).nil?

  def wait(what)
    began = clock
    until yield
      raise Failed, "not within #{DEADLINE_S} s: #{what}; lag #{lag}, #{invoices.size} invoices\n#{logs}" if clock - began > DEADLINE_S

      sleep(0.05)
    end
    say "#{what} after #{(clock - began).round(1)} s"
  end

  def close
    stop(@pids.last) until @pids.empty?
  ensure
    FileUtils.remove_entry(@dir)
  end

  def say(*lines)
    puts(*lines)
    $stdout.flush
  end

  private

  def web(name, port, env: {})
    spawned(name, "puma", "--quiet", "--bind", "tcp://127.0.0.1:#{port}", "config.ru", env: env)
  end

  def spawned(name, *command, env: {})
    Process.spawn(@env.merge(env), *command, chdir: File.join(@root, name), %i[out err] => [file("#{name}.log"), "a"])
           .tap { |pid| @pids << pid }
  end

  # As an orchestrator does: after a while it is killed. Puma 6 on Ruby 3.3 now and then waits for ever for its own listener.
  def stop(pid)
    Process.kill(:TERM, pid)
    began = clock
    until Process.wait(pid, Process::WNOHANG)
      Process.kill(:KILL, pid) if clock - began > PATIENCE_S
      sleep(0.05)
    end
    @pids.delete(pid)
  end

  def answers?(port)
    Net::HTTP.get_response("127.0.0.1", "/", port) && true
  rescue SystemCallError, EOFError
    false
  end

  def free_port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }
  def file(name) = File.join(@dir, name)
  def logs = Dir[file("*.log")].map { |path| "#{path}:\n#{File.read(path)}" }.join("\n")
  def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
