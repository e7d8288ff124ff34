# frozen_string_literal: true

# Compares the reader of JSON in Rust with Ruby's, on documents that the specs use too. SEED=… for the same ones again.
require "karafka"
require_relative "json_documents"
include JsonFingerprint # rubocop:disable Style/MixinUsage -- a script

seed = Integer(ENV.fetch("SEED", Random.new_seed % 1_000_000_000))
documents = JsonDocuments.new(seed)
texts = JsonDocuments::HOSTILE + Array.new(4_000) { documents.next }
texts.each_with_index do |text, index|
  ours, theirs = [-> { Karafka::Native.parse_json(text) }, -> { JSON.parse(text) }].map { |way| outcome(&way) }
  abort "SEED=#{seed}, document #{index}: #{text.b[0, 500].inspect}\n#{theirs.inspect[0, 500]}\n#{ours.inspect[0, 500]}" if ours != theirs
end
puts "#{texts.size} documents, SEED=#{seed}"
