# frozen_string_literal: true

require_relative "../spec_helper"
require "shellwords"
require_relative "../support/command_line"
require_relative "../support/native_config"
require_relative "../support/wait"

RSpec.describe "karafka replay", deadline: 300 do
  include CommandLine
  include NativeConfig
  include Wait

  let(:topic) { cluster.create_topic(partitions: 2) }
  let(:target) { cluster.create_topic(partitions: 2) }
  let(:at) { ["--brokers", cluster.bootstrap_servers] }
  let(:admin) { Karafka::Admin.new(kafka: { "bootstrap.servers": cluster.bootstrap_servers }) }
  let(:producer) { WaterDrop::Producer.new { |config| config.kafka = { "bootstrap.servers": cluster.bootstrap_servers } } }

  after { producer.close }

  def produce(*messages) = producer.produce_many_sync(messages)
  def numbers(count) = produce(*(0...count).map { |number| { topic: topic, partition: number % 2, payload: number.to_s } })
  def messages(name) = admin.iterator(name).sort_by { |message| [message.partition, message.offset] }
  def payloads(name) = messages(name).map(&:raw_payload)
  def replay(*argv, **options) = karafka("replay", *argv, *at, **options)

  def replayed(*argv, **options)
    result = replay(*argv, **options)
    expect([result.status, result.err]).to eq([0, ""])
    result.out
  end

  def committed(name)
    admin.consumer_groups.committed_offsets("karafka-replay-#{name}").to_h { |row| [row.partition, row.offset] }
  end

  # The command, begun and left running.
  def start(*argv)
    spawn({ "BUNDLE_GEMFILE" => nil }, *CommandLine::COMMAND, "replay", *argv, *at, chdir: directory, %i[out err] => File::NULL)
  end

  describe "TOPIC TARGET" do
    it "copies messages as they are, and what has come since when it runs again" do
      bytes = "\xFF\x00".b
      headers = { "a" => %w[1 2], "b" => nil }
      produce({ topic: topic, partition: 1, key: bytes, payload: bytes, headers: headers, timestamp: 1_700_000_000_000 },
              { topic: topic, partition: 0, payload: nil, key: "gone" })
      expect(replayed(topic, target)).to eq("2 messages of #{topic} sent to #{target}\n")
      gone, copied = messages(target)
      expect([gone.partition, gone.raw_key, gone.raw_payload]).to eq([0, "gone", nil])
      expect([copied.partition, copied.raw_key.b, copied.raw_payload.b, copied.raw_header_pairs])
        .to eq([1, bytes, bytes, [%w[a 1], %w[a 2], ["b", nil]]])
      expect(copied.timestamp).to eq(Time.at(1_700_000_000))

      expect(replayed(topic, target)).to eq("0 messages of #{topic} sent to #{target}\n")
      produce({ topic: topic, partition: 0, payload: "new" })
      expect(replayed(topic, target)).to start_with("1 message ")
      expect(replayed(topic, target, "--again")).to start_with("3 messages")
      expect(payloads(target).size).to eq(6)
    end

    it "copies a range, by partition, key, header and payload, and counts before" do
      rows = (0...10).map { |n| { partition: n % 2, payload: "row #{n}", key: (n % 3).to_s, headers: { "odd" => n.odd?.to_s } } }
      produce(*rows.map { |row| row.merge(topic: topic) })
      dry = replayed(topic, target, "--partition", "1", "--from", "1", "--to", "4", "--dry-run")
      expect(dry).to eq("3 messages of #{topic} would be sent to #{target}\nNothing was sent (--dry-run)\n")
      expect(payloads(target)).to eq([])
      replayed(topic, target, "--partition", "1", "--from", "1", "--to", "4")
      expect(payloads(target)).to eq(["row 3", "row 5", "row 7"])
      expect(replayed(topic, target, "--key", "2", "--header", "odd=true", "--dry-run")).to start_with("1 message ")
      expect(replayed(topic, target, "--grep", "[45]$", "--from", "-1h", "--dry-run")).to start_with("2 messages")
      expect(replayed(topic, target, "--from", "now", "--dry-run")).to start_with("0 messages")
      facts = JSON.parse(replayed(topic, target, "--from", "4", "--json", "--name", unused_name))
      expect(facts).to include("topic" => topic, "target" => target, "sent" => 2, "dry_run" => false)
      expect(facts["range"]).to eq([0, 1].map { |number| { "partition" => number, "from" => 4, "to" => 5 } })
    end

    it "lets the key choose the partition where the target has fewer" do
      single = cluster.create_topic
      numbers(4)
      fail_in_one_line("replay", topic, single, *at, with: /#{single} has 1 partition, but .* partition 1 .*--by-key/)
      expect(replayed(topic, single, "--by-key")).to start_with("4 messages")
      expect(payloads(single).sort).to eq(%w[0 1 2 3])
    end

    it "keeps to --rate" do
      numbers(60)
      started = Karafka::Clock.now_ms
      replayed(topic, target, "--rate", "30")
      # Two batches of 30, each of which waits for its second.
      expect(Karafka::Clock.now_ms - started).to be >= 1_900
    end

    it "goes on after kill -9 to the end that it had, and nothing is missing" do
      numbers(4_000)
      name = unused_name
      pid = start(topic, target, "--name", name, "--rate", "400")
      wait_until("the first commit") { committed(name).values.sum.between?(1, 3_999) }
      Process.kill("KILL", pid)
      expect(Process.wait2(pid)[1]).to be_signaled
      pid = nil
      done = committed(name).values.sum
      expect(done).to be_between(1, 3_999)
      produce({ topic: topic, partition: 0, payload: "later" })

      facts = JSON.parse(replayed(topic, target, "--name", name, "--json"))
      expect(facts["sent"]).to eq(4_000 - done)
      expect(payloads(target).map(&:to_i).uniq.sort).to eq((0...4_000).to_a)
      expect(payloads(target)).not_to include("later")
    ensure
      Process.kill("KILL", pid) if pid
    end

    it "refuses a second run of the same replay, and says who runs it, until that one is gone", deadline: 600 do
      numbers(4_000)
      name = unused_name
      pid = start(topic, target, "--name", name, "--rate", "20")
      wait_until("the first commit") { committed(name).values.sum.positive? }
      fail_in_one_line("replay", topic, target, "--name", name, *at, with: /karafka-replay-#{name} runs already: process #{pid} of /)
      expect(replayed(topic, target, "--name", name, "--dry-run")).to include("would be sent")
      expect(replayed(topic, target, "--name", unused_name, "--to", "1")).to start_with("2 messages")
      Process.kill("KILL", pid)
      expect(Process.wait2(pid)[1]).to be_signaled
      pid = nil
      expect(replayed(topic, target, "--name", name)).to match(/\A\d+ messages .* sent to/)
    ensure
      Process.kill("KILL", pid) if pid
    end

    it "commits what it has sent when it is ended by TERM or Ctrl-C" do
      numbers(4_000)
      %w[TERM INT].each do |signal|
        name = unused_name
        pid = start(topic, target, "--name", name, "--rate", "400")
        wait_until("the first commit") { committed(name).values.sum.positive? }
        before = messages(target).size
        Process.kill(signal, pid)
        expect(Timeout.timeout(60) { Process.wait2(pid)[1].exitstatus }).to eq(1)
        sent = messages(target).size
        expect(sent).to be >= before
        @sent_before ||= 0
        expect(committed(name).values.sum).to eq(sent - @sent_before)
        @sent_before = sent
      end
    end

    it "says a mistake in one line, before anything is sent" do
      numbers(2)
      fail_in_one_line("replay", topic, "missing-#{target}", *at, with: /there is no topic missing-#{target}: create it/)
      fail_in_one_line("replay", "missing-#{topic}", target, *at, with: /missing-#{topic}/)
      fail_in_one_line("replay", topic, topic, *at, with: /would get its own messages again/)
      fail_in_one_line("replay", topic, *at, with: /say what is to be replayed/)
      fail_in_one_line("replay", topic, target, "--max-returns", "2", *at, with: /--max-returns does not go with TOPIC TARGET/)
      fail_in_one_line("replay", topic, target, "--from", "soon", *at, with: /--from is "soon"/)
      fail_in_one_line("replay", topic, target, "--header", "x", *at, with: /write NAME=VALUE/)
      fail_in_one_line("replay", topic, target, "--rate", "0", *at, with: /--rate is 0/)
      replayed(topic, target, "--name", topic)
      fail_in_one_line("replay", topic, target, "--name", topic, "--key", "1", *at, with: /other topics or options.*--again/)
      fail_in_one_line("replay", topic, target, *at, env: { "KARAFKA_ENV" => "production" }, with: /in production: add --yes/)
      expect(replayed(topic, target, "--yes", env: { "KARAFKA_ENV" => "production" })).to start_with("2 messages")
      row = admin.consumer_groups.committed_offsets("karafka-replay-#{topic}").first
      row.offset = 99
      admin.consumer_groups.commit("karafka-replay-#{topic}", [row])
      fail_in_one_line("replay", topic, target, "--name", topic, *at, with: /was the topic created anew\? --again/)
    end
  end

  # The examples of docs/cli.md, as they stand.
  page = File.join(__dir__, "../../docs/cli.md")
  lines = File.read(page, encoding: "UTF-8")[/replay_command_spec\.rb runs it -->\n```sh\n(.*?)```/m, 1].lines(chomp: true)

  it "does what docs/cli.md shows", deadline: 600 do
    %w[orders orders-test orders.dead].each do |name|
      cluster.delete_topic(name) if admin.topics.names.include?(name)
      wait_until("#{name} is gone") { !admin.topics.names.include?(name) }
      cluster.create_topic(name, partitions: 2)
    end
    admin.seek_consumer_group("shop", "orders" => :latest)
    expect(lines.size).to be >= 6
    lines.each do |line|
      words = Shellwords.split(line.sub(/ +#.*/, ""))
      expect(words.shift(2)).to eq(%w[karafka replay])
      replayed(*words)
    end
  end

  describe "--group" do
    let(:group) { unused_name("group") }

    def offsets = admin.consumer_groups.committed_offsets(group).to_h { |row| [row.partition, row.offset] }

    it "moves a group, as `groups seek` does" do
      numbers(10)
      expect(replayed(topic, "--group", group, "--from", "latest")).to include("2 partitions of #{group} moved")
      expect(offsets).to eq(0 => 5, 1 => 5)
      expect(replayed("--group", group, "--from", "-2h", "--dry-run")).to match(/#{topic} +0 +5 +0\n.*Nothing was changed/m)
      replayed("--group", group, "--from", "2", "--partition", "1")
      expect(offsets).to eq(0 => 5, 1 => 2)
      fail_in_one_line("replay", "--group", group, *at, with: /Give --from PLACE/)
      fail_in_one_line("replay", "--group", group, "--from", "soon", *at, with: /--from is "soon"/)
      fail_in_one_line("replay", "--group", group, "--from", "1", "--key", "x", *at, with: /--key does not go with --group/)
    end

    it "refuses one that has members, with the reason" do
      numbers(2)
      settings = { "bootstrap.servers" => cluster.bootstrap_servers, "group.id" => group }
      engine = Karafka::Engine.new(one_group("g", settings, { name: topic }))
      engine.start
      wait_until("the member") { admin.consumer_groups.describe(group).first.active? }
      fail_in_one_line("replay", topic, "--group", group, "--from", "earliest", *at, with: /group #{group} has 1 member, .*Stop it first/)
    ensure
      engine&.stop
      engine&.join(30_000)
    end
  end

  describe "--dead-letters" do
    let(:dead) { cluster.create_topic }

    # As {Karafka::Failures::Headers} writes them.
    def letter(payload, partition: 1, **more)
      headers = { "source_topic" => topic, "source_partition" => partition.to_s, "source_offset" => "7", "source_timestamp" => "1",
                  "source_consumer_group" => "shop", "source_attempts" => "4", "source_reason" => "error",
                  "source_error_class" => "KeyError", "source_error_message" => "no",
                  "source_failed_at" => "2026-11-21T15:04:05.000Z", "own" => %w[1 2] }
      { topic: dead, payload: payload, key: "k", headers: headers.merge(more.transform_keys(&:to_s)).compact }
    end

    it "sends them back to their partitions, with attempts that begin anew, and names other groups that read the topic" do
      produce(letter("a"), letter("b", partition: 0, source_error_class: "IOError"), letter("c"))
      other = unused_name("audit")
      admin.seek_consumer_group(other, topic => :earliest)
      admin.seek_consumer_group("shop", topic => :earliest)
      dry = replayed("--dead-letters", dead, "--header", "source_error_class=KeyError", "--dry-run")
      expect(dry).to eq("#{topic} is also read by #{other}: they will see these messages, too\n" \
                        "2 dead letters of #{dead} would be sent back to #{topic} (2)\nNothing was sent (--dry-run)\n")
      expect(payloads(topic)).to eq([])

      expect(replayed("--dead-letters", dead)).to include("3 dead letters of #{dead} sent back to #{topic} (3)\n")
      rows = messages(topic)
      expect(rows.map { |row| [row.partition, row.raw_payload, row.raw_key] }).to eq([[0, "b", "k"], [1, "a", "k"], [1, "c", "k"]])
      expect(rows[0].raw_header_pairs).to eq([%w[own 1], %w[own 2], %w[replay_returns 1]])
      expect(replayed("--dead-letters", dead)).to start_with("0 dead letters")
      produce(letter("d"))
      expect(JSON.parse(replayed("--dead-letters", dead, "--json")))
        .to include("sent" => 1, "topics" => { topic => 1 }, "other_groups" => { topic => [other] })
    end

    it "leaves those that cannot go back, and says how many and why" do
      produce(letter("no headers", source_topic: nil), letter("often", replay_returns: "3"), letter("large", source_payload_bytes: "9"),
              letter("gone", source_topic: "gone-#{topic}"), letter("shrunk", partition: 5), letter("good", replay_returns: "2"))
      out = replayed("--dead-letters", dead)
      expect(out.lines[0]).to eq("1 dead letters of #{dead} sent back to #{topic} (1)\n")
      expect(out.lines[1..].map { |line| line[/\A1 stay: they .*/] })
        .to contain_exactly(/no header source_topic/, /too often/, /too large/, /a topic that does not exist/, /--by-key/)
      expect(messages(topic).map { |row| [row.raw_payload, row.raw_headers["replay_returns"]] }).to eq([%w[good 3]])
      facts = JSON.parse(replayed("--dead-letters", dead, "--by-key", "--max-returns", "9", "--json"))
      expect(facts).to include("sent" => 3, "staying" => { "no_origin" => 1, "no_payload" => 1, "no_topic" => 1 })
    end

    it "says a mistake in one line" do
      fail_in_one_line("replay", "--dead-letters", "missing-#{dead}", *at, with: /missing-#{dead}/)
      fail_in_one_line("replay", topic, "--dead-letters", dead, *at, with: /say what is to be replayed/)
      fail_in_one_line("replay", "--dead-letters", dead, "--max-returns", "0", *at, with: /--max-returns is 0/)
      produce(letter("a"))
      fail_in_one_line("replay", "--dead-letters", dead, *at, env: { "KARAFKA_ENV" => "production" },
                                                              with: /sends 1 dead letters back to #{topic}, in production: add --yes/)
    end
  end
end
