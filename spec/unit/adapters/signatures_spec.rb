# frozen_string_literal: true

require "karafka/compat/delivery_boy"
require "karafka/compat/phobos"
require "karafka/compat/racecar"
require "karafka/compat/worker-glass"
require "phobos/test/helper"
require "json"
require "open3"
require "rbconfig"
require "support/adapter_names"

# The signatures of the adapters' classes: they parse, and name each public method that the classes have, and no others.
RSpec.describe "sig/adapters" do
  directory = File.expand_path("../../../sig/adapters", __dir__)
  # Of Struct, Object and Module, and what only the adapter itself calls.
  common = Struct.new(:a).instance_methods + Module.instance_methods + %i[initialize to_s inspect == eql? hash instrument]
  internal = {
    "Kafka::Producer" => %i[for_another_thread], "Kafka::PendingMessage" => %i[to_engine parts], "Kafka::FetchedMessage" => %i[source],
    "Racecar::Producer" => %i[send_async deliver waterdrop], "DeliveryBoy::Config" => DeliveryBoy::Config::VARIABLES.keys,
    "Racecar::Config" => Racecar::Config.variables
  }

  # RBS comes with Ruby and is not in the bundle, so a process of its own reads the files. It prints methods by class and kind.
  reader = <<~'RUBY'
    require "json"
    require "rbs"
    def note(member, found)
      return unless member.respond_to?(:kind)
      names = [member.name]
      names << :"#{member.name}=" if member.is_a?(RBS::AST::Members::AttrAccessor)
      found[member.kind].concat(names)
    end
    def read(declarations, modules, found)
      declarations.each do |declaration|
        next unless declaration.respond_to?(:members)
        name = [*modules, declaration.name.to_s].join("::")
        found[name] ||= { instance: [], singleton: [] }
        declaration.members.each { |member| note(member, found[name]) }
        read(declaration.members, [*modules, declaration.name.to_s], found)
      end
      found
    end
    # Since RBS 3 with the buffer and the directives before it.
    def declarations(file)
      parsed = RBS::Parser.parse_signature(File.read(file))
      parsed.first.is_a?(RBS::Buffer) ? parsed.last : parsed
    end
    puts JSON.generate(ARGV.to_h { |file| [File.basename(file), read(declarations(file), [], {})] })
  RUBY
  clean = { "BUNDLE_GEMFILE" => nil, "RUBYOPT" => nil, "RUBYLIB" => nil }
  files = Dir.glob("*.rbs", base: directory).sort
  out, err, status = Open3.capture3(clean, RbConfig.ruby, "-e", reader, *files.map { |file| File.join(directory, file) })
  all = status.success? ? JSON.parse(out) : files.to_h { |file| [file, {}] }
  all.each_value do |classes|
    classes.each_value do |kinds|
      kinds.transform_keys!(&:to_sym).transform_values! do |names|
        names.map(&:to_sym)
      end
    end
  end

  before { skip "this Ruby comes without RBS" if err.include?("cannot load such file -- rbs") }

  it "can be read" do
    expect([status.success?, err, files.size]).to eq([true, "", 5])
  end

  all.each do |file, found|
    describe file do
      it "names methods that exist" do
        missing = found.flat_map do |name, methods|
          place = Object.const_get(name)
          known = place.instance_methods + place.private_instance_methods
          (methods[:instance] - known).map { |method| "#{name}##{method}" } +
            (methods[:singleton] - place.methods).map { |method| "#{name}.#{method}" }
        end
        expect(missing).to eq([])
      end

      it "names each public method of these classes" do
        unnamed = found.keys.flat_map do |name|
          place = Object.const_get(name)
          known = place.included_modules.flat_map { |one| found.key?(one.name) ? found[one.name][:instance] : [] }
          rest = place.public_instance_methods(false) - found[name][:instance] - known - common
          others = internal.fetch(name, []).flat_map { |method| [method, :"#{method}=", :"#{method}?"] }
          (rest - others).grep_v(/\A(karafka|racecar)_/).map { |method| "#{name}##{method}" }
        end
        expect(unnamed).to eq([])
      end
    end
  end

  it "has the classes that applications name" do
    classes = all.values.reduce({}, :merge)
    names = AdapterNames::RUBY_KAFKA.merge(AdapterNames::DELIVERY_BOY)
    missing = names.flat_map do |owner, methods|
      included = Object.const_get(owner).included_modules.flat_map { |one| classes.dig(one.name, :instance).to_a }
      have = classes.fetch(owner).values.flatten + included
      (methods - have - %i[new]).map { |method| "#{owner} #{method}" }
    end
    expect(missing).to eq([])
  end
end
