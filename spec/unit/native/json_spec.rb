# frozen_string_literal: true

require "json"
require "spec_helper"
require_relative "../../support/json_documents"

RSpec.describe "Karafka::Native.parse_json" do
  include JsonFingerprint

  let(:native) { Karafka::Native }

  def both(text)
    [outcome { native.parse_json(text) }, outcome { JSON.parse(text) }]
  end

  def expect_same(text, note = "")
    mine, theirs = both(text)
    return if mine == theirs

    raise RSpec::Expectations::ExpectationNotMetError,
          "#{note}#{text.b[0, 2000].inspect}\nexpected #{theirs.inspect[0, 2000]}\n     got #{mine.inspect[0, 2000]}"
  end

  JsonDocuments::HOSTILE.each_with_index do |text, index|
    it "gives what JSON.parse gives for hostile document #{index}: #{text.b.inspect[0, 60]}" do
      expect_same(text)
    end
  end

  it "gives what JSON.parse gives for generated and mutated documents" do
    seed = Integer(ENV.fetch("SEED", Random.new_seed % 1_000_000_000))
    count = Integer(ENV.fetch("JSON_DOCS", 4_000))
    puts "JSON documents: SEED=#{seed} JSON_DOCS=#{count}"
    documents = JsonDocuments.new(seed)
    count.times { |index| expect_same(documents.next, "SEED=#{seed}, document #{index}: ") }
  end

  it "reads ordinary documents without Ruby's parser" do
    text = "{\"id\":1234567890123456789,\"n\":-5,\"f\":1.5,\"z\":-0.0,\"s\":\"é\\n\\ud83d\\ude00\"," \
           "\"t\":[true,false,null,{}],\"e\":\"\",\"u\":18446744073709551}"
    expected = JSON.parse(text)
    expect(JSON).not_to receive(:parse)
    expect(native.parse_json(text)).to eq(expected)
    expect(native.parse_json(" [1, 2.25e3 ] \n")).to eq([1, 2250.0])
    expect(native.parse_json("\"scalar\"")).to eq("scalar")
    expect(native.parse_json("#{"[" * 100}#{"]" * 100}").flatten).to eq([])
    expect(native.parse_json("[#{"[],{}," * 200}{\"a\":[]}]").size).to eq(401)
  end

  it "leaves to Ruby's parser what versions of it see differently" do
    ["{\"a\":1,\"a\":2}", "[-0]", "[1e400]", "#{"[" * 101}#{"]" * 101}", "[\"\\ud800\"]", "[NaN]", "", "[1]x", "[\"\xFF\"]",
     "[#{2**65}]"].each do |text|
      expect(JSON).to receive(:parse).with(text).and_return(:ruby)
      expect(native.parse_json(text)).to eq(:ruby)
    end
  end

  it "shares the strings of keys, and gives new ones for values" do
    first, second = Array.new(2) { native.parse_json("{\"shared key\":\"value\",\"#{"k" * 80}\":1}") }
    expect(first.keys.zip(second.keys)).to all(satisfy { |one, other| one.equal?(other) && one.frozen? })
    expect(first["shared key"]).not_to equal(second["shared key"])
    expect(first["shared key"]).not_to be_frozen
  end

  it "does not touch the bytes it is given" do
    text = "{\"a\":\"b\\n\"}"
    expect { native.parse_json(text) }.not_to(change { text.dup })
    expect(native.parse_json(text.dup.freeze)).to eq("a" => "b\n")
  end

  describe "with a busy garbage collector", deadline: 600 do
    # Few and short: under GC.stress each allocation costs milliseconds.
    let(:texts) do
      documents = JsonDocuments.new(7)
      short = Array.new(100) { documents.next }.select { |text| text.bytesize.between?(20, 200) }.first(16)
      short << "{#{Array.new(18) { |at| "\"fresh #{at}\":#{at.even? ? at : "[\"v#{at}\",{\"w\":1e99}]"}" }.join(",")}}"
    end

    it "gives the same under GC.stress" do
      expected = texts.map { |text| outcome { JSON.parse(text) } }
      results = texts.map do |text|
        GC.stress = true
        result = begin
          native.parse_json(text)
        rescue StandardError => e
          e
        ensure
          GC.stress = false
        end
        outcome { result.is_a?(Exception) ? raise(result) : result }
      end
      expect(results).to eq(expected)
    end

    it "gives the same with the heap compacted between documents" do
      skip "no GC.compact here" unless GC.respond_to?(:compact)
      expected = texts.map { |text| outcome { JSON.parse(text) } }
      results = texts.map do |text|
        native.parse_json("{\"moved\":1,\"#{text.hash}\":2}")
        GC.compact
        outcome { native.parse_json(text) }
      end
      expect(results).to eq(expected)
    end

    it "keeps its keys whole when compaction moves everything" do
      skip "no GC.verify_compaction_references here" unless GC.respond_to?(:verify_compaction_references)
      names = Array.new(500) { |index| "compacted #{index}" }
      text = JSON.generate(names.to_h { |name| [name, 1] })
      held = native.parse_json(text)
      3.times { GC.verify_compaction_references(toward: :empty) }
      expect(held.keys).to eq(names)
      expect(native.parse_json(text)).to eq(held)
    end
  end

  it "does not keep endless distinct keys" do
    round = lambda do |number|
      5_000.times { |at| native.parse_json("{#{Array.new(20) { |key| "\"k#{number}-#{at}-#{key}\":1" }.join(",")}}") }
      GC.start
      [GC.stat(:heap_live_slots), Integer(File.read("/proc/self/status")[/VmRSS:\s+(\d+)/, 1])]
    end
    2.times { |number| round[number] }
    slots, kilobytes = round[2]
    (3..20).each { |number| round[number] }
    slots_after, kilobytes_after = round[21]
    expect(slots_after - slots).to be < 20_000
    expect(kilobytes_after - kilobytes).to be < 20_000
  end

  it "works in threads and fibers at the deepest nesting" do
    text = "#{"[" * 99}{\"a\":1}#{"]" * 99}"
    expected = JSON.parse(text)
    threads = Array.new(4) { Thread.new { Array.new(50) { native.parse_json(text) } } }
    expect(threads.flat_map(&:value)).to all(eq(expected))
    expect(Fiber.new { native.parse_json(text) }.resume).to eq(expected)
  end
end
