# frozen_string_literal: true

# The rooms of the engine; those of lib are in ruby_rooms.rb. The architecture as it can be read from `ls`: a room uses what is below
# it, and nothing above. Prints each use that goes the other way, and fails: `ruby spec/support/rooms.rb`.
module Rooms
  ROOT = File.expand_path("../..", __dir__)
  SOURCE = File.join(ROOT, "ext/karafka_core/src")
  # The rooms of the engine, from below.
  ENGINE = %w[error base metrics trace json batch filter config event kafka consume produce admin observe].freeze

  module_function

  # @return [Array<String>] "path:line: kafka uses consume, which is above it"
  def findings
    paths = Dir.glob("**/*.rs", base: SOURCE).sort - ["lib.rs"]
    paths.flat_map { |path| upward(path, File.read(File.join(SOURCE, path), encoding: "UTF-8")) }
  end

  def upward(path, source)
    room = path[/\A\w+/]
    height = ENGINE.index(room) or return ["#{path}: no room #{room} in spec/support/rooms.rb"]
    uses(source).filter_map do |line, used|
      above = ENGINE.index(used)
      "#{path}:#{line}: #{room} uses #{used}, which is above it" if above && above > height
    end
  end

  # Each `crate::room`, also those within `crate::{…}`.
  # @return [Array<Array(Integer, String)>] line and room
  def uses(source)
    code = source.gsub(%r{//.*}) { |comment| " " * comment.size }
    found = []
    code.scan(/\bcrate::(?:(\w+)|\{([^;]*?)\};)/m) do |one, several|
      line = code[0, Regexp.last_match.begin(0)].count("\n") + 1
      names = one ? [one] : several.gsub(/\{[^{}]*\}/, "").scan(/(?:\A|,)\s*(\w+)/).flatten
      names.each { |name| found << [line, name] }
    end
    found
  end
end

if $PROGRAM_NAME == __FILE__
  found = Rooms.findings
  puts found
  exit found.empty?
end
