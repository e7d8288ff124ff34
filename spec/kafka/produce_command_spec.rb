# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/command_line"
require_relative "../support/topic_reader"

RSpec.describe "karafka produce", deadline: 240 do
  include CommandLine

  let(:topic) { cluster.create_topic(partitions: 2) }
  let(:at) { ["--brokers", cluster.bootstrap_servers] }

  # @return [Array<TopicReader::Row>]
  def messages(count)
    reader = TopicReader.new(cluster.bootstrap_servers, topic)
    reader.wait_for(count).sort_by { |row| [row.partition, row.offset] }
  ensure
    reader&.close
  end

  it "sends each line of standard input, with what every message is to have" do
    result = karafka("produce", topic, *at, "--key", "42", "--header", "a=1", "--header", "b=x=y", "--partition", "1",
                     input: "one\ntwo\n\n")
    expect(result.to_a).to eq([0, "", ""])
    expect(messages(3).map { |row| [row.partition, row.key, row.payload, row.headers] })
      .to eq(["one", "two", ""].map { |payload| [1, "42", payload, { "a" => "1", "b" => "x=y" }] })
  end

  it "sends files and JSON lines, also tombstones and bytes" do
    lines = ['{"payload":"text","key":"k","headers":{"h":"1"},"partition":0,"timestamp":1700000000000}',
             '{"payload":null,"key":"gone","partition":0}', '{"payload_base64":"/wA=","partition":0}', '{"payload":{"id":1},"partition":0}']
    File.write(File.join(directory, "rows.jsonl"), lines.join("\n"))
    expect(karafka("produce", topic, "rows.jsonl", "--format", "json", "--compression", "lz4", *at).to_a).to eq([0, "", ""])
    rows = messages(4)
    expect(rows.map { |row| [row.key, row.payload&.b] }).to eq([%w[k text], ["gone", nil], [nil, "\xFF\x00".b], [nil, '{"id":1}']])
    expect([rows.first.headers, rows.first.timestamp_ms]).to eq([{ "h" => "1" }, 1_700_000_000_000])
  end

  it "sends a file of many blocks as it is, without the ends of its lines, and says which line is too long" do
    lines = Array.new(3_000) { |number| "#{number} #{"x" * 200}" }
    File.write(File.join(directory, "rows"), "#{lines.first(2_999).join("\r\n")}\n#{lines.last}")
    expect(karafka("produce", topic, "rows", *at, "--partition", "0").to_a).to eq([0, "", ""])
    expect(messages(3_000).map(&:payload)).to eq(lines)
    File.write(File.join(directory, "long"), "#{lines.join("\n")}\n#{"y" * 1_100_000}\n")
    fail_in_one_line("produce", topic, "long", *at, with: /line 3001: payload is 1100000 bytes, max_payload_size allows \d+\. \d+ lines/)
  end

  %w[none gzip snappy lz4 zstd].zip(%w[0 1 all 0 1]).each do |compression, acks|
    it "sends batches as --compression #{compression} --acks #{acks} says" do
      lines = Array.new(100) { |number| "#{number} #{"x" * 1_000}" }
      result = karafka("produce", topic, *at, "--partition", "0", "--compression", compression, "--acks", acks, input: lines.join("\n"))
      expect(result.to_a).to eq([0, "", ""])
      expect(messages(100).map(&:payload)).to eq(lines)
      expect(cluster.admin.compressions(topic).uniq).to eq([compression])
    end
  end

  it "keeps to a rate" do
    before = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    karafka("produce", topic, *at, "--rate", "20", input: "line\n" * 40)
    expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - before).to be >= 1.9
    expect(messages(40).size).to eq(40)
  end

  it "says a mistake in one line, and how many messages were not delivered" do
    missing = unused_name
    fail_in_one_line("produce", missing, *at, input: "a\nb\n", with: /2 of 2 messages were not delivered\. 2: .*unknown_topic_or_part/)
    fail_in_one_line("produce", topic, "nowhere.txt", *at, with: /cannot read nowhere.txt: it does not exist/)
    fail_in_one_line("produce", topic, *at, "--format", "json", input: "nonsense\n", with: /is no message: it is no JSON/)
    fail_in_one_line("produce", topic, *at, "--header", "a", with: /--header a: write NAME=VALUE/)
    fail_in_one_line("produce", topic, *at, "--compression", "zip", input: "a\n", with: /--compression.*none, gzip, snappy, lz4, zstd/)
    fail_in_one_line("produce", topic, *at, "--acks", "2", input: "a\n", with: /--acks.*all, 1, 0/)
    fail_in_one_line("produce", topic, input: "a\n", with: /where is Kafka\? Give --brokers HOST:PORT/)
  end
end
