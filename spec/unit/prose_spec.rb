# frozen_string_literal: true

require_relative "../support/prose"

RSpec.describe Prose do
  def wording(kind, source) = described_class.public_send(kind, source).flat_map { |line, text| described_class.check(text).map { line } }

  it "finds a wording in a page, also over the end of a line, and not in its code" do
    expect(wording(:page, "# Title\n\nThe topic is not\nthere. It waits forever.\n")).to eq([3])
    expect(wording(:page, "| a | so many bytes |\n| b | so many that it fits |\n")).to eq([1])
    expect(wording(:page, "```ruby\n# for ever\n```\n\nUse `for ever` here.\n")).to eq([])
  end

  it "finds a wording in the strings and comments of Ruby and Rust, and not in code, directives or tests" do
    expect(wording(:ruby, %(# waits for\n# ever\nraise "the topic is not there" # `for ever`\n))).to eq([3, 1])
    expect(wording(:ruby, %(# rubocop:disable Style/For -- for ever\nfor_ever\n))).to eq([])
    expect(wording(:rust, %(/// for ever\nError::new("waits for ever")\n#[cfg(test)]\nmod tests {\n  "for ever"\n}\n))).to eq([2, 1])
  end

  it "takes no ordinary sentence for one of these" do
    ["so many messages that it stops", "for every topic", "Who reads this?", "there is one", "what is read, not what is handed out"]
      .each { |text| expect(described_class.check(text)).to eq([]), text }
  end

  it "has an example of each rule" do
    examples = ["for ever", "both alike", "not there", "it is there.", "it has to be there", "it is told", "it tells of it", "as is said",
                "so long", "Who waits gets it", "what is done with what came", "its client is left behind", "nothing is silently ignored"]
    unused = described_class::RULES.keys.reject { |rule| examples.any? { |text| text.match?(rule) } }
    expect(unused).to eq([])
    expect(examples.select { |text| described_class.check(text).empty? }).to eq([])
  end
end
