# frozen_string_literal: true

# A section of a page, as steps that one follows: lines to type, and files to edit.
class Guide
  ROOT = File.expand_path("../..", __dir__)
  BLOCK = /^```(?<language>\w+)\n(?<text>.*?)^```$/m
  # What an edit begins with.
  FILE = /\A# (?<path>\S+)\n/

  Edit = Struct.new(:path, :text) do
    # @return [Integer] lines that somebody has to write who has that file
    def lines_beyond(former) = (text.lines(chomp: true).reject(&:empty?) - former.lines(chomp: true)).size
  end

  # @return [Array<String, Edit>] in the order of the page
  attr_reader :steps

  # @param page [String] such as "docs/rails.md"
  # @param heading [String] with its number signs
  def initialize(page, heading)
    text = section(File.read(File.join(ROOT, page)), heading) or raise "#{page} has no section #{heading}"
    @steps = text.to_enum(:scan, BLOCK).map { Regexp.last_match }.flat_map do |block|
      block[:language] == "sh" ? lines(block[:text]) : edit(block[:text])
    end
  end

  # @return [Array<String>]
  def commands = steps.grep(String)

  # @return [Array<Edit>]
  def edits = steps.grep(Edit)

  private

  # Up to the next heading of its level. Comments of code look like headings.
  def section(text, heading)
    outline = text.gsub(BLOCK) { |block| " " * block.size }
    from = outline.index(/^#{Regexp.escape(heading)}$/) or return
    text[from...outline.index(/^\#{1,#{heading[/\A#+/].size}} /, from + heading.size)]
  end

  def lines(text) = text.gsub(/\\\n\s*/, "").lines(chomp: true).map { |line| line.sub(/ +# .*/, "") }.reject(&:empty?)
  def edit(text) = Edit.new(text[FILE, :path], text.sub(FILE, ""))
end
