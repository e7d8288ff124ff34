# frozen_string_literal: true

require "json"
require "spec_helper"
require_relative "../../support/json_documents"

RSpec.describe "Karafka::Native.pluck_json" do
  include JsonFingerprint

  def pluck(texts, *paths) = Karafka::Native.pluck_json(texts, paths)

  def looked_up(text, path)
    path.reduce(text && JSON.parse(text)) { |value, name| value.is_a?(Hash) ? value[name] : nil }
  end

  def expect_same(text, paths, note = "")
    theirs = outcome { [paths.size == 1 ? looked_up(text, paths[0]) : paths.map { |path| looked_up(text, path) }] }
    mine = outcome { pluck([text], *paths) }
    return if mine == theirs

    raise RSpec::Expectations::ExpectationNotMetError,
          "#{note}#{paths.inspect} of #{text.b[0, 2000].inspect}\nexpected #{theirs.inspect[0, 2000]}\n     got #{mine.inspect[0, 2000]}"
  end

  it "gives flat values for one path" do
    expect(pluck(["{\"a\":1}", "{\"b\":2}", "{\"a\":[3,{\"c\":4}]}"], ["a"])).to eq([1, nil, [3, { "c" => 4 }]])
  end

  it "gives an Array for each document when several paths are asked for, in their order" do
    expect(pluck(["{\"a\":1,\"b\":2}", "{\"b\":3}"], ["b"], ["a"], ["b"])).to eq([[2, 1, 2], [3, nil, 3]])
  end

  it "gives nil for a payload that is not there" do
    expect(pluck([nil, "{\"a\":1}", nil], ["a"])).to eq([nil, 1, nil])
    expect(pluck([nil], ["a"], ["b"])).to eq([[nil, nil]])
    expect(pluck([], ["a"])).to eq([])
  end

  it "follows paths through objects and gives nil through anything else" do
    texts = ["{\"u\":{\"n\":{\"f\":\"x\"}}}", "{\"u\":{\"n\":1}}", "{\"u\":[{\"n\":1}]}", "{\"u\":\"n\"}", "[]", "1", "\"u\"", "null"]
    expect(pluck(texts, %w[u n f])).to eq(["x"] + ([nil] * 7))
    expect(pluck(texts.first(3), %w[u n], %w[u])).to eq(
      [[{ "f" => "x" }, { "n" => { "f" => "x" } }], [1, { "n" => 1 }], [nil, [{ "n" => 1 }]]]
    )
  end

  it "lets the last of duplicate keys win, with all that is below it" do
    expect(pluck(["{\"a\":{\"b\":1},\"a\":{\"c\":2}}"], %w[a b], %w[a c])).to eq([[nil, 2]])
    expect(pluck(["{\"a\":{\"b\":1},\"a\":2}"], %w[a b])).to eq([nil])
    expect(pluck(["{\"a\":1,\"\\u0061\":2}"], ["a"])).to eq([2])
  end

  it "finds names with escapes, dots, and none at all" do
    expect(pluck(["{\"\\u00e9\\n\":1,\"a.b\":2,\"\":3,\"\\u0000\":4}"], ["é\n"], ["a.b"], [""], ["\0"])).to eq([[1, 2, 3, 4]])
  end

  it "takes more names than fit into a word, and paths of any length" do
    names = Array.new(200) { |index| "n#{index}" }
    text = JSON.generate(names.to_h { |name| [name, name] })
    expect(pluck([text], *names.map { |name| [name] })).to eq([names])
    expect(pluck(["{\"a\":1}"], ["a"] * 100_000)).to eq([nil])
    expect(pluck(["#{"{\"a\":" * 100}1#{"}" * 100}"], ["a"] * 100)).to eq([1])
  end

  it "raises what JSON.parse raises, and tells which document it was" do
    ["{", "", "{\"a\":1,}", "{\"a\":1}x", "{\"b\":#{"[" * 100}#{"]" * 100},\"a\":1}", "{\"b\":NaN,\"a\":1}"].each do |text|
      expected = outcome { JSON.parse(text) }
      expect(outcome { pluck(["{\"a\":1}", nil, text, "{"], ["a"]) }).to eq(expected)
      expect { pluck(["{\"a\":1}", nil, text, "{"], ["a"]) }
        .to raise_error(JSON::JSONError) { |error| expect(error.instance_variable_get(:@index)).to eq(2) }
    end
  end

  it "refuses no paths, empty paths and names that are no Strings" do
    expect { pluck(["{}"]) }.to raise_error(ArgumentError, /at least one field/)
    expect { pluck(["{}"], ["a"], []) }.to raise_error(ArgumentError, /path 1 .*empty/)
    expect { pluck(["{}"], [1]) }.to raise_error(TypeError)
    expect { pluck(["{}"], "a") }.to raise_error(TypeError)
  end

  path_sets = [
    [["id"]], [["a"], ["b"], ["c"]], [["a1"], %w[a1 b], %w[user name]], [["n"], %w[n n n]], [["k0"], ["k20"], ["a"]], [[""], ["\0"], ["é"]]
  ]

  JsonDocuments::HOSTILE.each_with_index do |text, index|
    it "gives what looking into JSON.parse's result gives for hostile document #{index}: #{text.b.inspect[0, 60]}" do
      path_sets.each do |paths|
        expect_same(text, paths)
        expect_same("{\"k0\":#{text},\"a\":{\"a\":1},\"id\":2}", paths)
      end
    end
  end

  it "gives the same for generated and mutated documents" do
    seed = Integer(ENV.fetch("SEED", Random.new_seed % 1_000_000_000))
    count = Integer(ENV.fetch("JSON_DOCS", 4_000))
    puts "JSON documents to pluck from: SEED=#{seed} JSON_DOCS=#{count}"
    documents = JsonDocuments.new(seed)
    count.times do |index|
      text = documents.next
      expect_same(text, path_sets[index % path_sets.size], "SEED=#{seed}, document #{index}: ")
      expect_same(text, random_paths(text, documents.random), "SEED=#{seed}, document #{index}: ")
    end
  end

  # Paths that are there, and some that lead nowhere.
  def random_paths(text, random)
    Array.new(random.rand(1..4)) do
      path = []
      value = begin
        JSON.parse(text)
      rescue JSON::JSONError
        nil
      end
      while value.is_a?(Hash) && !value.empty? && (path.empty? || random.rand(3).positive?)
        path << value.keys[random.rand(value.size)]
        value = value[path.last]
      end
      path << "nowhere" if path.empty? || random.rand(8).zero?
      path.map { |name| name.valid_encoding? ? name : "broken" }
    end
  end

  it "gives the same under GC.stress and with the heap compacted between documents", deadline: 400 do
    documents = JsonDocuments.new(11)
    texts = Array.new(40) { "{\"a\":#{documents.next},\"b\":[\"x\",{\"y\":1.5}],\"c\":{\"d\":\"fresh\"}}" }
    texts = texts.select { |text| text.bytesize < 200 && outcome { JSON.parse(text) }[0] != :raised }.first(10)
    paths = [["a"], %w[b], %w[c d], ["c"]]
    expected = texts.map { |text| paths.map { |path| fingerprint(looked_up(text, path)) } }
    GC.stress = true
    stressed = begin
      pluck(texts, *paths)
    ensure
      GC.stress = false
    end
    expect(stressed.map { |row| row.map { |value| fingerprint(value) } }).to eq(expected)
    skip "no GC.compact here" unless GC.respond_to?(:compact)
    compacted = texts.map { |text| GC.compact && pluck([text], *paths)[0] }
    expect(compacted.map { |row| row.map { |value| fingerprint(value) } }).to eq(expected)
  end
end
