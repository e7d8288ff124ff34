# frozen_string_literal: true

require "ripper"

# Wording that the pages, messages and comments of this gem avoid: `ruby spec/support/prose.rb` prints each place, and fails.
# It reads the pages without their code, and the string literals and comments of lib and ext.
module Prose
  ROOT = File.expand_path("../..", __dir__)
  # A pattern, and what to write instead.
  RULES = {
    /\bfor ever\b/i => "forever",
    /\balike\b/i => "the same, or both",
    /\bnot there\b/i => "does not exist, is missing, is not supported",
    /\b(is|are|was|were) there\b(?! (an?|any|no|anything|nothing|something)\b)/i => "exists",
    /\bbe there\b/i => "exist, be stored",
    /\b(is|are|was|were|been) told\b/i => "is reported, gets, learns",
    /\btold of\b|\btells? of\b|\btold about\b/i => "reports",
    /\b(is|are|was|were) said\b/i => "is documented, is set, is reported",
    /\bso (many|long|often)\b(?! (?:\w+ )?(as|that)\b)/i => "this many, that long, the number",
    /(?:\A|[.;:] |\b(?:and|so|but|because|since) )who [^?]*\z/i => "a process that, the caller, a consumer that",
    /\bwhat\b[^.;:?!|,]*\bwhat\b/i => "a noun for one of the two",
    /\b(client is|threads are) left behind\b/i => "keeps running until the process ends",
    /\bsilently ignored\b/i => "leave it out, or name what is refused"
  }.freeze
  PAGES = %w[README.md CONTRIBUTING.md CHANGELOG.md docs/**/*.md].freeze
  RUBY = %w[lib/**/*.rb].freeze
  RUST = %w[ext/*/src/**/*.rs].freeze

  module_function

  # @return [Array<String>] "path:line: the wording (write: …)"
  def findings
    files(PAGES, :page) + files(RUBY, :ruby) + files(RUST, :rust)
  end

  def files(globs, kind)
    Dir.glob(globs, base: ROOT).sort.flat_map do |path|
      texts = send(kind, File.read(File.join(ROOT, path), encoding: "UTF-8"))
      texts.flat_map { |line, text| check(text).map { |found| "#{path}:#{line}: #{found}" } }
    end
  end

  def check(text)
    RULES.filter_map { |pattern, instead| "#{text[pattern].inspect} (write: #{instead})" if text.match?(pattern) }
  end

  # Sentences, since a wording may go over the end of a line. Code is left out, lines of tables are on their own.
  def page(source)
    sentences = [[1, +""]]
    without_code(source).each_line(chomp: true).with_index(1) do |text, line|
      sentences << [line, +""] if text.match?(/\A\s*([*|#]|\d+\.|\z) ?/)
      parts = text.sub(/\A[\s*|#]+/, "").split(/(?<=[.?!:]) +| \| /)
      next if parts.empty?

      # The first one may go on with the line before.
      sentences << [line, +""] if sentences.last[1].match?(/(\A|[.?!:])\z/)
      sentences.last[1] << " #{parts.shift}"
      sentences.concat(parts.map { |part| [line, +part] })
    end
    sentences.map { |line, sentence| [line, sentence.strip] }
  end

  def without_code(source)
    source.gsub(/^ *```.*?^ *```$/m) { |code| "\n" * code.count("\n") }.gsub(/`[^`\n]*`/, "x")
  end

  # Strings, and comments as sentences: one may go over several lines.
  def ruby(source)
    tokens = Ripper.lex(source)
    strings = tokens.filter_map { |(line, _), token, text| [line, text] if token == :on_tstring_content }
    comments = tokens.filter_map { |(line, _), token, text| [line, text.delete_prefix("#")] if token == :on_comment && !directive?(text) }
    strings + sentences(comments)
  end

  # What a tool reads: magic comments, YARD's tags, RuboCop's directives.
  def directive?(text)
    text.match?(/\A#(!| rubocop:| frozen_string_literal| @(example|raise|return|option|yield))/)
  end

  # @param lines [Array<Array(Integer, String)>] of comments
  # @return [Array<Array(Integer, String)>] a sentence may have come over the end of a line
  def sentences(lines)
    lines.chunk_while { |(before, _), (line, text)| line == before + 1 && !text.match?(/\A\s*([-*@]|\z)/) }.flat_map do |block|
      first = block.first.first
      # Without the names and types of YARD's parameters.
      text = block.map { |_, words| words.strip.sub(/\A@\w+ \w+ \[[^\]]*\]/, "") }.join(" ").gsub(/`[^`]*`|\{[^}]*\}/, "x")
      text.split(/(?<=[.?!:;]) +/).map { |sentence| [first, sentence] }
    end
  end

  # Without tests, whose strings nobody else reads.
  def rust(source)
    return [] if source.start_with?("//! Tests")

    lines = source.split(/^#\[cfg\(test\)\]\nmod tests \{/).first.each_line(chomp: true).with_index(1)
    comments, code = lines.partition { |text, _| text.match?(%r{\A\s*//}) }
    strings = code.flat_map { |text, line| text.scan(/"((?:[^"\\]|\\.)*)"?/).flatten.map { |literal| [line, literal] } }
    strings + sentences(comments.map { |text, line| [line, text.sub(%r{\A\s*//[/!]?}, "")] })
  end
end

if $PROGRAM_NAME == __FILE__
  findings = Prose.findings
  puts findings
  exit findings.empty?
end
