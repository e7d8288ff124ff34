# frozen_string_literal: true

require "spec_helper"
require "timeout"
require "support/mock_cluster"
require "support/native_config"

# The border itself: waiting, interrupts, the garbage collector, fork.
RSpec.describe Karafka::Native::Engine do
  include MockCluster
  include NativeConfig

  def engine(**topic)
    kafka = { "bootstrap.servers" => broker.bootstrap_servers, "group.id" => "native", "auto.offset.reset" => "earliest" }
    described_class.new(one_group("native", kafka, { name: "events", **topic }))
  end

  def running(**topic)
    broker.create_topic("events", 1)
    @engine = engine(**topic)
    @engine.start
    @engine
  end

  # CPU of this process, seconds.
  def cpu
    times = Process.times
    times.utime + times.stime
  end

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

  after do
    @engine&.force_stop
    expect(@engine.join(30_000)).to be(true) if @engine
    close_cluster
  end

  # A thread inside `take`, with another thread alive, as in a server.
  def waiting_thread
    thread = Thread.new { @engine.take }
    thread.report_on_exception = false
    wait_until("the thread to wait") { thread.status == "sleep" }
    thread
  end

  describe "#take" do
    it "costs no CPU while it waits" do
      running
      threads = Array.new(5) { waiting_thread }
      used = shortest(0.05) do
        before = cpu
        # What is measured is that nothing happens, so time has to pass.
        sleep 2
        cpu - before
      end
      expect(used).to be < 0.05
      threads.each(&:kill)
    end

    it "answers Thread#kill within 50 ms" do
      running
      # The slowest of five, so that no luck makes a wait that looks up now and then pass.
      slowest = shortest(0.05) do
        Array.new(5) do
          thread = waiting_thread
          started = now
          thread.kill.join
          now - started
        end.max
      end
      expect(slowest).to be < 0.05
    end

    it "answers Timeout and Thread#raise within 50 ms" do
      running
      times = []
      shortest(0.1) do
        started = now
        expect { Timeout.timeout(0.05) { @engine.take } }.to raise_error(Timeout::Error)
        times << (now - started)
        times.last
      end
      expect(times).to all(be >= 0.05)
      expect(times.min).to be < 0.1

      raised = shortest(0.05) do
        thread = waiting_thread
        started = now
        thread.raise(ArgumentError, "out")
        expect { thread.join }.to raise_error(ArgumentError, "out")
        now - started
      end
      expect(raised).to be < 0.05
    end

    it "lets a trap run within 50 ms while the main thread waits" do
      running
      main = Thread.main
      former = trap("USR1") { raise Interrupt, "trapped" }
      took = shortest(0.05) do
        sent = heard = nil
        begins = false
        sender = Thread.new do
          # A thread that loads a file sleeps, too.
          wait_until("the main thread to wait") { begins && main.status == "sleep" }
          sent = now
          Process.kill(:USR1, Process.pid)
        end
        begin
          begins = true
          @engine.take
        rescue Interrupt => e
          heard = [e.message, now - sent]
        end
        sender.join
        expect(heard&.first).to eq("trapped")
        heard.last
      end
      expect(took).to be < 0.05
    ensure
      trap("USR1", former || "DEFAULT")
    end

    it "gives nil to every waiter once the engine has stopped" do
      running
      threads = Array.new(4) { waiting_thread }
      @engine.stop
      expect(threads.map { |thread| thread.join(Wait::LONG)&.value }).to all(be_nil)
      expect(@engine.take).to be_nil
    end
  end

  it "delivers a lease again whose thread was killed, and says so" do
    running
    produce("events", %w[1 2 3])
    # On a thread of its own: the stack of this one could refer to the lease by chance.
    Thread.new { @engine.take && nil }.join
    # It is referred to by nobody now; it is found when the collector comes by.
    lease = nil
    abandoned = false
    wait_until("the redelivery") do
      GC.start
      abandoned ||= @engine.events(0).any? { |event| event[:type] == :abandoned }
      lease ||= Timeout.timeout(0.2) { @engine.take }
    rescue Timeout::Error
      nil
    end
    expect([lease.size, lease.offset(0)]).to eq([3, 0])
    wait_until("the event") { abandoned ||= @engine.events(10).any? { |event| event[:type] == :abandoned } }
    lease.ack
  end

  it "is right under GC.stress", deadline: 400 do
    running(max_messages: 10)
    produce("events", Array.new(25) { |index| %({"id":#{index},"name":"n#{index}","list":[1,2.5,null,"é"]}) },
            keys: Array.new(25, &:to_s), headers: Array.new(25) { |index| { "h" => "v#{index}" } })
    found = []
    lease = @engine.take
    GC.stress = true
    loop do
      lease.size.times do |index|
        found << [lease.json(index)["id"], lease.raw_key(index), lease.raw_headers(index), lease.topic]
      end
      found.concat(lease.pluck([["list"], ["nowhere"]]).map(&:first).uniq)
      lease.ack
      break if found.count { |row| row.is_a?(Array) && row.size == 4 && row[3] == "events" } == 25

      lease = @engine.take
    end
    GC.stress = false
    rows = found.select { |row| row.size == 4 && row[3] == "events" }
    expect(rows).to eq(Array.new(25) { |index| [index, index.to_s, { "h" => "v#{index}" }, "events"] })
    expect(found - rows).to all(eq([1, 2.5, nil, "é"]))
  ensure
    GC.stress = false
  end

  it "is right under GC.stress with several batches of a partition out, and repeats each alone", deadline: 400 do
    running(max_messages: 3, pause_timeout_ms: 1, pause_max_timeout_ms: 1, parallel: { by: "key", limit: 3 })
    produce("events", Array.new(24, &:to_s), keys: Array.new(24) { |index| "k#{index % 5}" })
    done = []
    failed = []
    GC.stress = true
    until done.size == 24
      lease = @engine.take
      again = lease.size > 1 && failed.size < 3
      next lease.nack.then { failed << lease.size } if again

      lease.size.times { |index| done << [lease.raw_key(index), lease.raw_payload(index)] if lease.mark(lease.offset(index)) }
      lease.ack
    end
    GC.stress = false
    expect(failed.size).to eq(3)
    expect(done.map(&:last)).to match_array(Array.new(24, &:to_s))
    of_keys = done.group_by(&:first).values.map { |rows| rows.map { |row| row.last.to_i } }
    expect(of_keys).to all(satisfy { |numbers| numbers == numbers.sort })
  ensure
    GC.stress = false
  end

  it "is right when the heap is compacted between batches" do
    running(max_messages: 50)
    produce("events", Array.new(500) { |index| %({"id":#{index},"key#{index}":"x"}) })
    kept = []
    ids = []
    while ids.size < 500
      lease = @engine.take
      kept << lease
      ids.concat(Array.new(lease.size) { |index| lease.json(index).fetch("id") })
      lease.ack
      GC.compact if GC.respond_to?(:compact)
    end
    expect(ids).to eq([*0...500])
    # Batches stay readable after everything has moved.
    expect(kept.flat_map { |batch| batch.pluck([["id"]]) }).to eq([*0...500])
  end

  describe "fork" do
    it "has a child's use of an inherited batch answer at once: it reads, and owns no offsets" do
      running
      produce("events", %w[1 2])
      lease = @engine.take
      lease.mark(lease.offset(0))
      answer, status = in_child do
        [lease.raw_payloads, lease.revoked?, lease.mark(9), lease.commit_async, lease.commit_sync, lease.seek(0, false),
         lease.pause(nil, 1), lease.resume, lease.seek_offset, lease.high_watermark, lease.ack]
      end
      expect(answer).to eq([%w[1 2], true, false, false, false, false, false, false, 1, -1, false])
      expect(status.exitstatus).to eq(0)
      expect([lease.commit_sync, lease.ack]).to eq([true, true])
    end

    it "does so with several batches of a partition out, and the parent goes on with all of them" do
      running(max_messages: 1, parallel: { by: "key", limit: 3 })
      produce("events", %w[1 2 3], keys: %w[a b c])
      leases = Array.new(3) { @engine.take }
      answer, status = in_child do
        leases.map { |lease| [lease.raw_payload(0), lease.mark(lease.offset(0)), lease.seek_offset, lease.commit_sync, lease.ack] }
      end
      expect(answer.map(&:first)).to match_array(%w[1 2 3])
      expect(answer.flat_map { |row| row.values_at(1, 3, 4) }).to all(be(false))
      expect(status.exitstatus).to eq(0)
      expect(leases.map(&:ack)).to eq([true, true, true])
      produce("events", %w[4], keys: %w[a])
      expect(@engine.take.raw_payload(0)).to eq("4")
    end

    # What the child answers, through a pipe, and how it ended.
    def in_child
      reader, writer = IO.pipe
      pid = fork do
        reader.close
        writer.write(Marshal.dump(yield))
        writer.close
        # A plain exit, finalizers and all, is what is tested.
        exit(0)
      end
      writer.close
      answer = Marshal.load(reader.read) # rubocop:disable Security/MarshalLoad -- from our own child
      [answer, wait_for_exit(pid)]
    end

    it "leaves the parent alone: the child says so and exits cleanly" do
      running
      produce("events", %w[1])
      lease = @engine.take
      answer, status = in_child do
        errors = %i[take start state].map do |name|
          @engine.public_send(name)
        rescue Karafka::Errors::BaseError => e
          e.class
        end
        lease = nil
        @engine.stop
        GC.start
        errors
      end
      expect(answer).to all(eq(Karafka::Errors::ForkedError))
      expect(status.exitstatus).to eq(0)
      expect(lease.ack).to be(true)
      produce("events", %w[2])
      expect(@engine.take.raw_payload(0)).to eq("2")
    end
  end
end
