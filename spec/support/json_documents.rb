# frozen_string_literal: true

require "json"

# Documents to compare two JSON decoders with: generated from a seed, mutated, and a list of hostile ones.
class JsonDocuments
  SPACES = ["", "", "", "", " ", "\n", "\t", "\r\n", "   "].freeze
  PIECES = [
    "a", "id", "naïve", "日本", "😀", "\u007f", "\u2028", " ", "/", "<", "\\n", "\\t", "\\b", "\\f", "\\r", "\\\"", "\\\\", "\\/",
    "\\u0000", "\\u0041", "\\u00e9", "\\u20AC", "\\ud83d\\ude00", "\\uD834\\uDD1E", "\\uffff", "abcdefgh", "x" * 23, "y" * 24, "é" * 40
  ].freeze
  RARE_PIECES = ["\\ud800", "\\udc00", "\\ud83d\\u0041", "\\q", "\\u12", "\n", "\u0001", "\0", "\\", "\xFF", "\xC3", "\xED\xA0\x80"].freeze
  WORDS = %w[true false null].freeze
  RARE_WORDS = ["NaN", "Infinity", "-Infinity", "tru", "True", "nul", "undefined", "", "/* c */ 1", "1 // c\n"].freeze
  INTEGERS = [0, 1, -1, 9, 10, 2**30, 2**31, 2**53, (2**62) - 1, 2**62, -(2**62), -(2**62) - 1, (2**63) - 1, 2**63, -(2**63),
              -(2**63) - 1, 10**18, (10**19) - 1, 10**19, (2**64) - 1, 2**64, 10**40].freeze
  FLOATS = %w[0.0 -0.0 -0 0e0 -0e5 1.0e5 1E5 1e+5 1E-5 0.1 0.30000000000000004 5e-324 4.9e-324 2.2250738585072011e-308
              2.2250738585072014e-308 1.7976931348623157e308 1.7976931348623159e308 1E400 -1E400 1e-400 12345678901234567890.5
              9007199254740993.0 9007199254740992.5 9223372036854775808.0 18446744073709551616.0 123456789012345678901234567890
              1e22 1e23 8.41e21 2.5 100.0 1e16 0.0001 123456.789 6.0221409e+23 1.7800590868057611e-307
              0.1000000000000000055511151231257827021181583404541015625 1.00000000000000011102230246251565404236316680908203125
              1.00000000000000011102230246251565404236316680908203126 01 -01 1. .5 1.e5 1e 1e+ - -a +1 0x10 1_000 1.5.5 1-2].freeze
  KEYS = (%w[id name user amount year month day carrier origin dest json_class a b c] + ["", "é", "a b", "k" * 64, "k" * 65]).freeze

  attr_reader :random

  def initialize(seed)
    @random = Random.new(seed)
  end

  # @return [String] a document, UTF-8 tagged; nearly always valid JSON unless mutated
  def next
    text = "#{space}#{value(random.rand(6))}#{space}"
    text = nested(random.rand(96..104), text) if random.rand(60).zero?
    text.force_encoding(Encoding::BINARY)
    mutate(text) if random.rand(3).zero?
    text.force_encoding(Encoding::UTF_8)
  end

  private

  def pick(list) = list[random.rand(list.size)]
  def space = pick(SPACES)
  def rarely? = random.rand(150).zero?

  def value(depth)
    case random.rand(depth.zero? ? 5 : 9)
    when 0 then string
    when 1 then integer
    when 2 then float
    when 3 then rarely? ? pick(RARE_WORDS) : pick(WORDS)
    when 4 then pick(%w[{} [] ""])
    when 5, 6 then "[#{space}#{list { value(depth - 1) }}#{space}]"
    else "{#{space}#{list { "#{key}#{space}:#{space}#{value(depth - 1)}" }}#{space}}"
    end
  end

  # Now and then longer than what the decoder gathers at a time.
  def list(&)
    count = random.rand(40).zero? ? random.rand(30..70) : random.rand(8)
    Array.new(count, &).join("#{space},#{space}")
  end

  def key
    return string if random.rand(3).zero?
    return pick(KEYS).dump.gsub("\\u{", "\\u") if random.rand(50).zero?

    "\"#{pick(KEYS)}#{random.rand(3) unless random.rand(12).zero?}#{random.rand(100) if random.rand(3).zero?}\""
  end

  def string
    pieces = Array.new(random.rand(6)) { rarely? ? pick(RARE_PIECES) : pick(PIECES) }
    "\"#{pieces.join}\""
  end

  def integer
    return (pick(INTEGERS) + random.rand(-2..2)).to_s if random.rand(4).zero?

    random.rand(-(10**random.rand(1..20))..(10**random.rand(1..20))).to_s
  end

  def float
    case random.rand(6)
    when 0 then rarely? ? pick(FLOATS) : pick(FLOATS.first(15))
    when 1 then halfway
    when 2 then random.bytes(8).unpack1("G").then { |number| number.finite? ? number.to_s : "0.5" }
    when 3 then exponential
    else decimal
    end
  end

  def decimal
    return random.rand(-1e6..1e6).round(random.rand(5)).to_f.to_s if random.rand(2).zero?

    "#{random.rand(10**random.rand(1..25))}.#{random.rand(10**random.rand(1..70))}"
  end

  def exponential
    "#{random.rand(-99..99)}.#{random.rand(10**6)}#{pick(%w[e E])}#{pick(["", "+", "-"])}#{random.rand(320)}"
  end

  # Decimals on, just below and just above the middle between two doubles: where rounding shows. Ruby leaves out
  # digits from about the 61st on, so it rounds some of the longest to the other side.
  def halfway
    low = random.rand(2.0**random.rand(-30..60))
    middle = (low.to_r + low.next_float.to_r) / 2
    digits = 130
    scaled = (middle * (10**digits)).to_i.to_s.rjust(digits + 1, "0")
    text = "#{scaled[0...-digits]}.#{scaled[-digits..]}".sub(/0+\z/, "0")
    pick([text, text[0, random.rand(18..47)].sub(/\.\z/, ".0"), "#{text}1", "#{text[0, 45]}1"])
  end

  def nested(levels, text)
    levels.times { text = random.rand(2).zero? ? "[#{text}]" : "{\"n\":#{text}}" }
    text
  end

  def mutate(text)
    at = random.rand(text.bytesize + 1)
    case random.rand(6)
    when 0 then text.setbyte(at, random.rand(256)) if at < text.bytesize
    when 1 then text.slice!(at..)
    when 2 then text.insert(at, random.bytes(1))
    when 3 then text.slice!(at)
    when 4 then text.insert(at, pick(["\"", "\\", ",", ":", "[", "]", "{", "}", "-", "0", ".", "e", "/", " ", "\0", "\xEF\xBB\xBF"]).b)
    else text.insert(at, text.byteslice(random.rand(text.bytesize + 1), random.rand(9)) || "")
    end
  end
end

# The documents that are known to trip decoders.
class JsonDocuments
  nest = ->(levels, inner = "") { "#{"[" * levels}#{inner}#{"]" * levels}" }
  objects = ->(levels) { "#{"{\"a\":" * levels}1#{"}" * levels}" }
  mixed = ->(levels) { "#{"[{\"a\":" * (levels / 2)}1#{"}]" * (levels / 2)}" }

  NUMBERS = FLOATS + INTEGERS.flat_map { |number| [number.to_s, "-#{number}", "#{number}.0", "#{number}e1"] }
  members = ->(range) { range.map { |at| "\"k#{at}\":#{at}" }.join(",") }

  HOSTILE = [
    "", " ", "\n", "\0", "null", "true", "false", "nul", "nulll", "null null", "nullx", "1 ", "1\0", "\"", "\"a", "\"a\"x", "'a'",
    *NUMBERS, *NUMBERS.map { |number| "[#{number}]" }, *NUMBERS.map { |number| "{\"a\":#{number} }" },
    *PIECES.map { |piece| "[\"#{piece}\",\"a#{piece}b\",\"12345678#{piece}\"]" },
    *PIECES.map { |piece| "{\"#{piece}\":\"#{piece}\"}" },
    *RARE_PIECES.map { |piece| "[\"#{piece}\"]" }, *RARE_PIECES.map { |piece| "{\"#{piece}\":1}" },
    *RARE_WORDS, *RARE_WORDS.map { |word| "[#{word}]" },
    *(0..0x20).map { |code| "[\"a#{code.chr}b\"]" }, *(0x7f..0xff).map { |code| "[\"#{code.chr.b}\"]" },
    *(0..0x20).map { |code| "#{code.chr}[1#{code.chr}]#{code.chr}" },
    "\u00a0[]", "\u2028[]", "\uFEFF{}", "[]\uFEFF", "\xFF\xFE[\0]\0", "[1,]", "[,1]", "[1 2]", "]", "}", "[}", "{]",
    "{,}", "{\"a\":1,}", "{\"a\"}", "{\"a\":}", "{a:1}", "{1:2}", "/**/[]", "[/**/]", "[]//", "[]/", "// a\n[]",
    "{\"a\":1,\"a\":2}", "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":1,\"\\u0061\":2}", "{\"é\":1,\"e\\u0301\":2}",
    "{\"\":1}", "{\"\\u0000\":1,\"a\\u0000\":2,\"a\":3}",
    "{\"json_class\":\"String\",\"raw\":[97]}", "{\"json_class\":\"Object\"}", "{\"__proto__\":{}}",
    *[99, 100, 101, 127, 128, 129, 5000].flat_map { |levels| [nest[levels], nest[levels, "1"], objects[levels], "[" * levels] },
    mixed[100], mixed[102], "[#{"[],{}," * 200}1]", "[\"#{"[{" * 200}\"]", nest[60, "\"#{"]" * 60}\",#{nest[41]}"],
    "[#{nest[99]},#{nest[99]}]", "[#{nest[99]},#{nest[100]}]",
    *[0, 1, 15, 16, 17, 31, 32, 33, 64, 65, 1000].map { |size| "[#{(0...size).to_a.join(",")}]" },
    *[0, 1, 7, 8, 9, 15, 16, 17, 32, 33, 1000].map { |size| "{#{members[0...size]}}" },
    "{#{members[0..40]},\"k0\":\"again\"}", "{\"k0\":1,#{members[0..40]}}", "\"#{"a" * 100_000}\"", "{\"#{"k" * 100_000}\":1}",
    "[#{"1" * 100_000}]", "[1.#{"1" * 100_000}]", "[1e#{"0" * 1000}1]", "[1e#{"9" * 1000}]", "[0.#{"0" * 400}1]",
    "[#{"0" * 100}1]", "[#{" " * 10_000}]", "{\"a\":\"\\", "{\"a\":\"\\u", "{\"a\":\"\\ud83d", "{\"a\":\"\\ud83d\\",
    "[\"\\ud83d\\ude0\"]", "[\"\\ud83d\\ud83d\\ude00\"]", "[\"\\ude00\\ud83d\"]"
  ].map { |text| text.dup.force_encoding(Encoding::UTF_8) }.freeze
end

# All that tells two results apart: values, classes, encodings, bytes, frozen or not, order, bits of floats; or the error.
module JsonFingerprint
  def outcome
    fingerprint(yield)
  rescue StandardError => e
    [:raised, e.class, e.message.b]
  end

  def fingerprint(value)
    case value
    when Hash
      [value.class, value.frozen?, value.default, value.map { |key, inner| [fingerprint(key), key.equal?(-key), fingerprint(inner)] }]
    when Array then [value.class, value.frozen?, value.map { |inner| fingerprint(inner) }]
    when String then [value.class, value.frozen?, value.encoding.name, value.valid_encoding?, value.b]
    when Float then [value.class, [value].pack("G"), value.equal?([value].pack("G").unpack1("G"))]
    else [value.class, value]
    end
  end
end
