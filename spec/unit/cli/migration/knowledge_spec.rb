# frozen_string_literal: true

require "karafka/compat/delivery_boy"
require "karafka/compat/phobos"
require "karafka/compat/racecar"
require "karafka/compat/worker-glass"
require "support/adapter_names"
require "support/karafka_names"
require "support/karafka_names_of_1x"
require "support/racecar_names"

# The table agrees with the adapters, with the lists of names that the specs have, and with the pages of docs/migration.
RSpec.describe Karafka::Cli::Migration::Knowledge do
  def library(name) = described_class.library(name)

  # Rows of a table below a heading: names in the first cell, and the text of the second.
  def rows(page, heading)
    section = File.read(File.expand_path("../../../../#{page}", __dir__)).split(/^## /).find { |part| part.start_with?("#{heading}\n") }
    section.lines.grep(/\A\|/).drop(2).map { |line| line.strip[1..-2].split(/(?<!\\)\|/).map(&:strip) }
  end

  it "has a verdict in each entry, and a text wherever something changes or has to be done" do
    table = YAML.safe_load_file(described_class::FILE)
    sections = table.except("gems").values.flat_map { |library| library.values.grep(Hash) } + [table.fetch("gems")]
    texts = sections.flat_map { |section| section.values.flat_map { |value| value.is_a?(Hash) ? value.values : [value] } }
    texts = texts.grep_v(%r{\A(docs/|environments|sections)})
    wrong = texts.reject do |text|
      entry = described_class.entry(text)
      (entry.verdict == :works) == entry.text.nil?
    end
    expect([wrong, texts.size]).to match([[], a_value > 100])
  end

  it "has the settings of each adapter, and no others" do
    expect(library("racecar").known.map(&:to_sym)).to match_array(Racecar::Config.variables)
    expect(library("delivery_boy").known.map(&:to_sym)).to match_array(DeliveryBoy::Config::VARIABLES.keys)
    library("phobos").known.each { |name| Phobos.send(:check, { name => {} }) }
    expect { Phobos.send(:check, { "logs" => {} }) }.to raise_error(Phobos::ConfigurationError, /unknown section/)
    %w[racecar phobos delivery_boy].each do |name|
      of_section = library(name).names("settings").map { |setting| setting.split(".").first }
      expect(of_section - library(name).known).to eq([])
    end
  end

  it "has the methods that each library's module answers to" do
    { "racecar" => Racecar, "phobos" => Phobos, "delivery_boy" => DeliveryBoy, "worker-glass" => WorkerGlass }.each do |name, place|
      own = place.singleton_methods - Module.new.singleton_methods
      own -= %i[const_missing]
      expect(library(name).module_methods.map(&:to_sym)).to match_array(own), name
    end
    expect(AdapterNames::DELIVERY_BOY.fetch("DeliveryBoy") - library("delivery_boy").module_methods.map(&:to_sym)).to eq([])
  end

  # Without what Object has under the same name.
  def defined_there?(name)
    name.split("::").reduce(Object) { |place, part| place.const_defined?(part, false) ? place.const_get(part, false) : (return false) }
    true
  end

  it "says of no constant that it works or changes where it is missing, nor that it is missing where it exists" do
    described_class.libraries.reject { |one| one.name == "karafka" }.each do |one|
      one.names("constants").each do |name|
        missing = one.entry("constants", name).text.to_s.start_with?("does not exist: ")
        expect([name, defined_there?(name)]).to eq([name, !missing])
      end
    end
  end

  it "has files for all that can be required" do
    %w[racecar phobos delivery_boy ruby-kafka worker-glass].each do |name|
      gone = library(name).names("requires").reject { |path| $LOAD_PATH.any? { |dir| File.exist?(File.join(dir, "#{path}.rb")) } }
      expect([name, gone]).to eq([name, []])
    end
    expect(AdapterNames::REQUIRES - library("ruby-kafka").names("requires") - library("delivery_boy").names("requires")).to eq([])
  end

  it "has options that calls of ruby-kafka take" do
    expect(library("ruby-kafka").names("options").map(&:to_sym) - AdapterNames::OPTIONS)
      .to match_array(%i[compression_threshold offset_retention_time sasl_aws_msk_iam_access_key_id])
  end

  # What stands in no file of an application, or is about all of it.
  unseen = {
    "racecar" => ["a class has both methods", "errors that are no", "a message", "`karafka.rb` of the same application",
                  "`RACECAR_` with an unknown name", "`RebalanceEvent`"],
    "phobos" => ["`publish`", "`max_concurrency`", "a listener that was stopped", "a mistake in a listener"],
    "delivery_boy" => ["`config/delivery_boy.yml` without Rails", "`DELIVERY_BOY_*`", "at exit", "the rest"],
    "ruby-kafka" => ["a message without key", "message values and keys", "topics that are missing", "`topics`",
                     "`*.connection.kafka` events", "questions such as"]
  }

  unseen.each do |name, without|
    it "has each row of #{library = name}'s page: what is different" do
      entries = YAML.safe_load_file(described_class::FILE).fetch(library)
      names = entries.values.grep(Hash).flat_map(&:keys).map(&:to_s) + entries["definitions"].to_h.keys
      texts = entries.values.grep(Hash).flat_map { |section| section.values.map(&:to_s) }.join("\n")
      missing = rows("docs/migration/#{library}.md", "What is different").reject do |first, second|
        words = first.scan(/`([^`]+)`/).flatten
        without.any? { |text| first.start_with?(text) } || texts.include?(second) || words.any? { |word| known?(names, word) }
      end
      expect(missing.map(&:first)).to eq([])
    end
  end

  def known?(names, word)
    word = word.delete_suffix("…").split(":").first
    names.any? { |name| name == word || name.end_with?(".#{word}") || (word.end_with?("_") && name.start_with?(word)) }
  end

  it "has an answer for each name of Karafka's generations that is refused" do
    report = lambda do |kind, name|
      case kind
      when :topic then Karafka::Cli::Migration::Trial.route(:topic, "a", name, [Karafka::Cli::Migration::Literals::UNKNOWN], {})
      when :config then Karafka::Cli::Migration::Trial.setting([name.to_s], Karafka::Cli::Migration::Literals::UNKNOWN)
      end
    end
    refused = KarafkaNames::REFUSED_TOPIC.reject { |_, given| given.first.is_a?(Hash) && given.first.keys.size == 2 }.keys
    expect(refused.select { |name| report[:topic, name].nil? }).to eq([])
    expect((KarafkaNames::REFUSED_CONFIG + KarafkaNames::GONE_CONFIG).select { |name| report[:config, name].nil? }).to eq([])
    expect(KarafkaNames::TOPIC.keys.reject { |name| report[:topic, name].nil? }).to eq([])
    expect(KarafkaNames::CONFIG.reject { |name| report[:config, name].nil? }).to eq([])
  end

  it "has nothing to say against a constant that exists" do
    text = (KarafkaNames::CONSTANTS + KarafkaNames::CONSTANTS_OF_1X).join("\n")
    Dir.mktmpdir do |directory|
      File.write(File.join(directory, "all.rb"), text)
      found = Karafka::Cli::Migration::Examination.new(directory).call
      expect(found.select(&:to_do?).map(&:subject)).to eq([])
      expect(found.size).to be > 100
    end
  end
end
