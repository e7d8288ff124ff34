# frozen_string_literal: true

require_relative "../spec_helper"
require_relative "../support/administration"

# The examples of docs/admin.md that need a broker, as they stand.
RSpec.describe "docs/admin.md" do
  include Administration

  after { close_producer }

  page = File.join(__dir__, "../../docs/admin.md")
  lines = File.readlines(page, encoding: "UTF-8")
  lines.each_index.select { |index| lines[index].start_with?("```ruby") && lines[index - 1].include?("admin_docs_spec.rb") }.each do |start|
    text = lines[(start + 1)..].take_while { |line| !line.start_with?("```") }.join

    it "line #{start + 1}: the Ruby runs" do
      set_up
      topics = text.scan(/"(admin-docs[\w-]*)"/).flatten.uniq
      (Karafka::Admin::Topics.names & topics).each { |topic| Karafka::Admin.delete_topic(topic) }
      # Top-level code, as a reader would paste it.
      expect { TOPLEVEL_BINDING.eval(text, page, start + 2) }.not_to raise_error
    end
  end
end
