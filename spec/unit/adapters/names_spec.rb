# frozen_string_literal: true

require "karafka/compat/delivery_boy"
require "support/adapter_names"

RSpec.describe AdapterNames do
  root = File.expand_path("../../..", __dir__)
  texts = Dir[File.join(root, "spec/{unit,kafka}/adapters/{ruby_kafka,delivery_boy}/**/*_spec.rb"),
              File.join(root, "spec/kafka/{ruby_kafka,delivery_boy}/**/*_spec.rb"),
              File.join(root, "examples/{ruby_kafka,delivery_boy}/**/*.rb"), File.join(root, "spec/support/ruby_kafka_app.rb")]
          .map { |path| File.read(path) }.join("\n")

  described_class::RUBY_KAFKA.merge(described_class::DELIVERY_BOY).each do |owner, names|
    it "has each method of #{owner}, and an example of it" do
      object = Object.const_get(owner)
      missing = names.reject { |name| object.method_defined?(name) || object.respond_to?(name) }
      # Attributes are looked at by name as well: have_attributes(partition: 1).
      unshown = names.reject do |name|
        texts.match?(/\.#{Regexp.escape(name.to_s.delete_suffix("="))}(?![\w?!])|\b#{Regexp.escape(name.to_s)}:/)
      end
      expect([missing, unshown]).to eq([[], []])
    end
  end

  it "has an example of each option" do
    expect(described_class::OPTIONS.reject { |name| texts.include?("#{name}:") }).to eq([])
  end

  it "has each error class, below Kafka::Error" do
    missing = described_class::ERRORS.reject { |name| Kafka.const_defined?(name, false) && Kafka.const_get(name) <= Kafka::Error }
    expect([missing, described_class::ERRORS.size]).to match([[], a_value >= 60])
  end

  it "has a file for each name that is required, and an example" do
    stubs = described_class::REQUIRES.to_h { |name| [name, $LOAD_PATH.any? { |path| File.exist?(File.join(path, "#{name}.rb")) }] }
    expect(stubs.reject { |name, found| found && texts.match?(%r{require \\?"#{name}|kafka/\#\{name\}}) }).to eq({})
  end
end
