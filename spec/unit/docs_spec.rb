# frozen_string_literal: true

require "open3"
require "timeout"
require "yaml"
require "support/fake_lease"
require "support/testing_kit"
require "karafka/testing/minitest/helpers"

# What README and docs say exists: their Ruby runs, and the files, commands, settings, events and constants they name
# are there.
module Docs
  ROOT = File.expand_path("../..", __dir__)
  PAGES = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", *Dir.glob("docs/**/*.md", base: ROOT)].sort.freeze
  # What blocks may name without defining it: classes of the reader's application.
  STAND_INS = %w[OrdersConsumer VideosConsumer Receipt].freeze
  # What the pages say is not there.
  GONE = Karafka::NotYet::CONSTANTS.keys.map { |name| "Karafka::#{name}" }.freeze
  ON_DEMAND = %w[Karafka::BaseWorker].freeze # Needs a gem that the bundle here has not.
  # Words with dots that are calls, files, threads, and events of 1.x that are said to be unknown.
  NO_SETTING = /\A(messages?|consumer|config|routes|consumer_groups|producer|fetcher|params|krs|waterdrop|karafka)\.|\.(rb|md|toml|so)\z/
  # A block that begins with this comment is only parsed.
  SYNTAX_ONLY = "<!-- syntax only: "
  BINSTUBS = "rails|karafka|racecar|racecarctl|phobos"
  # Top-level directories of this repository; anything else with a slash belongs to the reader's application.
  PATH = %r{(?<![\w/.-])(?!bin/(?:#{BINSTUBS})\b)(?:bin|bench|examples|exe|ext|lib|rakelib|sig|spec|docs|\.ci)/[\w./*-]*[\w*]}

  Block = Struct.new(:page, :line, :language, :text, :syntax_only) do
    def where = "#{page}:#{line}"
  end

  module_function

  def read(page) = File.read(File.join(ROOT, page))

  # @return [Array<Block>] fenced blocks, also those that are indented in a list
  def blocks(page)
    lines = read(page).lines
    fences = lines.each_index.select { |index| lines[index].match?(/\A\s*```/) }
    fences.each_slice(2).map do |from, to|
      text = lines[from + 1...to].map { |line| line.delete_prefix(lines[from][/\A */]) }.join
      syntax_only = from.positive? && lines[from - 1].start_with?(SYNTAX_ONLY)
      Block.new(page, from + 1, lines[from].strip.delete_prefix("```"), text, syntax_only)
    end
  end

  # @return [String] without fenced blocks
  def prose(page) = read(page).gsub(/^\s*```.*?^\s*```$/m, "")

  # @return [Array<String>] what stands between backticks
  def code_words(page) = prose(page).scan(/`([^`\n]+)`/).flatten.map { |word| word.gsub("\\|", "|") }

  # @return [Array<String>] what the reader would type: code words, and lines of shell blocks
  def command_lines(page)
    shell = blocks(page).select { |block| block.language == "sh" }
    code_words(page) + shell.flat_map { |block| block.text.gsub("\\\n", " ").lines(chomp: true) }
  end

  # @return [Array<Array<String>>] cells of the rows below a heading
  def rows(page, heading)
    section = read(page).split(/^\#{2,3} /).find { |part| part.start_with?("#{heading}\n") } or raise "#{page} has no section #{heading}"
    section.lines.grep(/\A\|/).map { |line| line.strip[1..-2].split(/(?<!\\)\|/).map(&:strip) }[2..]
  end

  # @return [Array<String>] words in backticks of a cell
  def names(cell) = cell.scan(/`([^`]+)`/).flatten

  # @return [Array<String>] commands, commands below them and options of a command line that do not exist
  def unknown_words(commands, name, rest)
    return [] if name == "help" || name.match?(/\A[A-Z…]/)

    command = commands.all_commands[name] or return [name]
    below = commands.subcommand_classes[name]
    return rest.empty? ? [] : unknown_words(below, rest.first, rest.drop(1)) if below

    options = command.options.values + commands.class_options.values
    rest.grep(/\A--?[a-z]/).map { |word| word[/\A[^=]+/] } - options.flat_map do |option|
                                                               [option.switch_name, *option.aliases]
                                                             end - %w[--help]
  end

  # @return [Array<String>] anchors of a page, as GitHub makes them
  def anchors(page)
    prose(page).scan(/^\#{1,6} (.+)$/).flatten.map { |title| title.downcase.gsub(/[^\w\- ]/, "").tr(" ", "-") }
  end
end

# Runs a block as it stands, in a forked child: what it defines and sets up goes with it.
module DocsRunner
  # @return [String, nil] what it raised, as "Class: message"
  def run_block(block)
    reader, writer = IO.pipe
    pid = fork do
      reader.close
      # The child must not run what RSpec does at exit.
      answer = evaluate(block)
      writer.write(answer.to_s)
      writer.close
      exit!(0)
    end
    writer.close
    answer = Timeout.timeout(60) { reader.read }
    answer.empty? ? nil : answer
  ensure
    Process.wait(pid) if pid
  end

  private

  def evaluate(block)
    $stdout.reopen(File::NULL)
    Karafka::App.config.logger = Logger.new(nil)
    define_stand_ins(block.text)
    before = consumers
    # Top-level code needs top-level constants.
    TOPLEVEL_BINDING.eval(block.text, block.page, block.line + 1)
    # The routes were checked when they were drawn; this is for the application as a whole.
    Karafka::App.boot! unless Karafka::App.routes.empty?
    (consumers - before).each { |klass| try(klass) }
    nil
  rescue Exception => e # rubocop:disable Lint/RescueException -- it is the answer
    "#{e.class}: #{e.message} (#{e.backtrace&.first})"
  end

  def define_stand_ins(text)
    (Docs::STAND_INS - text.scan(/^class (\w+)/).flatten).each do |name|
      klass = name.end_with?("Consumer") ? Class.new(Karafka::BaseConsumer) { def consume; end } : Class.new { def self.store(*) = nil }
      Object.const_set(name, klass)
    end
  end

  # Those of the gem come and go with its loader.
  def consumers
    ObjectSpace.each_object(Class).select { |klass| klass < Karafka::BaseConsumer && !klass.name.to_s.start_with?("Karafka::") }
  end

  # Gives a batch to a consumer of the block, so that the methods it calls have to be there.
  def try(klass)
    return if klass.instance_method(:consume).owner == Karafka::BaseConsumer

    topic = Karafka::App.routes.topics.find { |candidate| candidate.declared_consumer == klass } || routed(klass)
    assignment = Karafka::Assignment.new(topic, lease(:consume, topic))
    %i[consume shutdown].each { |kind| assignment.public_send(kind, lease(kind, topic)) }
  end

  def routed(klass)
    Karafka::App.config.kafka[:"bootstrap.servers"] ||= "127.0.0.1:9092"
    Karafka::App.routes.draw { topic("topic-of-#{klass.name}") { consumer klass } }
    Karafka::App.routes.topics.last
  end

  def lease(kind, topic)
    payloads = kind == :consume ? ['{"id":1,"amount":2.5,"distance":3,"title":"a"}', '{"id":2,"amount":1,"distance":4,"title":"b"}'] : []
    FakeLease.new(payloads, kind: kind, topic: topic.name)
  end
end

RSpec.describe "README and docs" do
  it "show the chart that its data gives" do
    expect(system(File.join(Docs::ROOT, "bench/chart"), "--check")).to be(true)
  end

  it "have each page in the index by task" do
    pages = Dir.children(File.join(Docs::ROOT, "docs")).grep(/\.md\z/) - %w[README.md]
    expect(pages.reject { |page| Docs.read("docs/README.md").include?("(#{page})") }).to eq([])
  end

  include DocsRunner

  def missing(list, &) = list.uniq.reject(&)

  Docs::PAGES.each do |page|
    describe page do
      Docs.blocks(page).select { |block| block.language == "ruby" }.each do |block|
        if block.syntax_only
          it "line #{block.line}: the Ruby can be parsed" do
            expect { RubyVM::InstructionSequence.compile(block.text) }.not_to raise_error
          end
        else
          it "line #{block.line}: the Ruby runs" do
            raised = block.text[/# raises (\S+)/, 1]
            expect(run_block(block)).to raised ? start_with("#{raised}: ") : be_nil
          end
        end
      end

      Docs.blocks(page).select { |block| block.language == "yaml" }.each do |block|
        it "line #{block.line}: the YAML can be read" do
          expect(YAML.safe_load(block.text)).to be_a(Hash)
        end
      end

      it "names no file of this repository that is not there" do
        paths = Docs.read(page).gsub(%r{https?://\S+}, "").scan(Docs::PATH)
        paths += Docs.code_words(page).grep(/\A[\w.-]+\.(md|rb|toml)\z/).grep_v(/\Akarafka\.rb\z/)
        gone = missing(paths) do |path|
          [Docs::ROOT, File.join(Docs::ROOT, File.dirname(page))].any? { |root| Dir.glob(File.join(root, path)).any? }
        end
        # The compiled extension, and files of the reader's application: a block may say which one it is.
        theirs = %w[lib/karafka_rs spec/karafka_spec.rb spec/support/karafka.rb phobos_boot.rb]
        theirs += Docs.blocks(page).filter_map { |block| block.text[/\A# (\S+\.rb)$/, 1] }
        expect(gone - theirs).to eq([])
      end

      it "links to pages and headings that are there" do
        links = Docs.prose(page).scan(/\]\(([^)\s]+)\)/).flatten.grep_v(/\Ahttps?:/)
        gone = missing(links) do |link|
          file, anchor = link.split("#", 2)
          target = file.empty? ? page : File.join(File.dirname(page), file).delete_prefix("./")
          target = Pathname.new(target).cleanpath.to_s
          File.exist?(File.join(Docs::ROOT, target)) && (anchor.nil? || Docs.anchors(target).include?(anchor))
        end
        expect(gone).to eq([])
      end

      it "names commands and options that are there" do
        calls = Docs.command_lines(page).flat_map { |line| line.scan(/(?:\A|exec |&& |\| )karafka ([a-z]+)((?: +[^ `]+)*)/) }
        unknown = calls.flat_map { |name, rest| Docs.unknown_words(Karafka::Cli::Commands, name, rest[/\A[^#|]*/].split) }
        expect(unknown).to eq([])
      end

      it "names constants of the gem that are there" do
        text = (Docs.code_words(page) + Docs.blocks(page).map(&:text)).join("\n")
        names = text.scan(/\b((?:Karafka|WaterDrop)(?:::[A-Z]\w*)+)/).flatten
        gone = missing(names) do |name|
          Docs::ON_DEMAND.include?(name) || (Object.const_get(name) && true)
        rescue NameError, Karafka::Errors::UnsupportedFeatureError
          false
        end
        expect(gone - Docs::GONE).to eq([])
      end

      it "does not call a constant missing that is there" do
        there = Docs::GONE.select { |name| Docs.read(page).include?("`#{name}`") && Object.const_defined?(name) }
        expect(there).to eq([])
      end

      it "names environment variables that are read" do
        names = Docs.read(page).scan(/\bKARAFKA_[A-Z_]+/)
        sources = Dir.glob(File.join(Docs::ROOT, "{lib,ext,spec/support,bin,bench}/**/*")).grep_v(/\.(so|bundle)\z/)
        text = sources.select { |path| File.file?(path) }.map { |path| File.read(path, encoding: "BINARY") }.join
        expect(missing(names) { |name| text.include?(name) }).to eq([])
      end
    end
  end

  it "name rake tasks that are there" do
    output, status = Open3.capture2("rake", "--rakefile", File.join(Docs::ROOT, "Rakefile"), "--all", "--tasks", chdir: Docs::ROOT)
    expect(status).to be_success
    tasks = output.scan(/^rake (\S+)/).flatten.map { |task| task.sub(/\[.*/, "") }
    named = Docs::PAGES.flat_map { |page| Docs.read(page).scan(/(?:`|^|&& |; |\()rake ([a-z]+(?::[a-z_]+)*)/).flatten }
    expect(named).not_to be_empty
    expect(missing(named) { |task| tasks.include?(task) }).to eq([])
  end

  describe "the tables" do
    def table(heading) = Docs.rows("docs/operations.md", heading)
    def literal(text) = eval(text, binding, __FILE__, __LINE__) # rubocop:disable Security/Eval -- a literal of our own page

    it "have every setting with its default and what is allowed" do
      described = table("Settings").to_h { |name, default, allowed, _| [Docs.names(name).first, [default, allowed]] }
      definitions = Karafka::Setup::Config.definitions.transform_keys(&:to_s)
      Karafka::Setup::Config.nested_settings.each do |group, klass|
        klass.definitions.each { |name, definition| definitions["#{group}.#{name}"] = definition }
      end
      expect(described.keys - %w[kafka producer]).to match_array(definitions.keys)
      definitions.each do |name, definition|
        default, allowed = described.fetch(name)
        value = definition.default.is_a?(Proc) && default == "`{}`" ? definition.default.call : definition.default
        expect([name, literal(Docs.names(default).first)]).to eq([name, value]) unless value.is_a?(Proc)
        expect([name, definition.type.description]).to match([name, start_with(allowed.delete("`"))])
      end
    end

    it "have the settings that routes can override" do
      paragraph = Docs.read("docs/operations.md")[/These can also be set.*?\n\n/m]
      own = %w[deserializer deserializers parser kafka]
      expect(Docs.names(paragraph) & (own + Karafka::Routing::Layer::TYPES.keys.map(&:to_s)))
        .to match_array(own + Karafka::Routing::Layer::TYPES.keys.map(&:to_s))
    end

    it "have the defaults of librdkafka's settings that the engine changes, and what it refuses" do
      Karafka::App.setup { |config| config.kafka = { "bootstrap.servers": "127.0.0.1:9092" } }
      stub_const("OneConsumer", Class.new(Karafka::BaseConsumer) { def consume; end })
      Karafka::App.routes.draw { topic(:one) { consumer OneConsumer } }
      kafka = Karafka::Engine::Config.new.to_h.dig(:groups, 0, :kafka)
      changed, others = table("Settings of librdkafka").partition { |row| row[1].include?("instead of") }
      changed.each { |name, here, _| expect([name, kafka[Docs.names(name).first]]).to eq([name, here[/\A\d+/]]) }
      others.select { |row| row[1] == "refused" }.flat_map { |row| Docs.names(row.first) }.each do |name|
        expect { Karafka::App.setup { |config| config.kafka[name] = "1" } }.to raise_error(Karafka::Errors::InvalidConfigurationError)
        Karafka::App.config.kafka.delete(name)
      end
    end

    it "have every setting of a producer with its default" do
      described = table("Settings of a producer").to_h { |name, default, _| [Docs.names(name).first, Docs.names(default).first] }
      config = WaterDrop::Config.new
      expect(described.keys).to match_array(WaterDrop::Config::Types::ALL.keys.map(&:to_s) + ["kafka"])
      described.compact.each { |name, default| expect([name, literal(default)]).to eq([name, config.public_send(name)]) }
    end

    it "have every event with the keys of its payload" do
      described = table("Events").flat_map { |events, keys| Docs.names(events).map { |event| [event, Docs.names(keys).map(&:to_sym)] } }
      expect(described.to_h).to eq(Karafka::Instrumentation::Events::EMITTED)
      producer = Docs.names(Docs.read("docs/operations.md")[/A producer has a monitor of its own.*?\n\n/m])
      expect(producer & WaterDrop::Instrumentation::EVENTS.keys).to match_array(WaterDrop::Instrumentation::EVENTS.keys)
    end

    it "have types of errors that are used" do
      ruby = Dir.glob(File.join(Docs::ROOT, "lib/{karafka,waterdrop}/**/*.rb")).map { |path| File.read(path) }.join
      types = table("Errors").flat_map { |row| Docs.names(row.first) }
      expect(types.reject { |type| ruby.include?("\"#{type}\"") }).to eq([])
      expect(ruby.scan(/"([a-z_.]+\.error)"/).flatten.uniq - types - Karafka::Compat::EventNames::FORMER.keys).to eq([])
    end

    it "have what is not supported yet, and nothing else" do
      rows = Docs.rows("docs/migration.md", "Not supported yet").to_h { |what, names, _| [what, Docs.names(names)] }
      routes = rows.select { |what, _| what.start_with?("routes:") }.values.flatten
      expect(routes).to match_array((Karafka::NotYet::TOPIC + Karafka::NotYet::GROUP).uniq.map(&:to_s))
      expect(rows.fetch("settings")).to match_array(Karafka::NotYet::CONFIG.map(&:to_s))
      expect(rows.fetch("constants")).to match_array(Docs::GONE)
      expect(Docs.read("README.md")).to include("docs/migration.md#not-supported-yet")
    end

    it "name methods of consumers and producers that say they are not supported yet" do
      rows = Docs.rows("docs/migration.md", "Not supported yet").to_h { |what, names, _| [what, Docs.names(names)] }
      (rows.fetch("in a consumer") - %w[idle]).each do |name|
        expect { Karafka::BaseConsumer.new.public_send(name) }.to raise_error(Karafka::Errors::UnsupportedFeatureError), name
      end
      producer = WaterDrop::Producer.new { |config| config.deliver = false }
      rows.fetch("producer").grep(/\A[a-z]+\z/).each do |name|
        expect { producer.public_send(name) }.to raise_error(Karafka::Errors::UnsupportedFeatureError), name
      end
    end
  end

  it "name settings of librdkafka, events and metrics that are there" do
    known = Karafka::Librdkafka.kafka_properties.keys + Karafka::Instrumentation::Events::EMITTED.keys +
            WaterDrop::Instrumentation::EVENTS.keys + WaterDrop::Instrumentation::GLOBAL_EVENTS.keys +
            Karafka::Compat::EventNames::MAPPED.keys
    known += Docs.rows("docs/operations.md", "Errors").flat_map { |row| Docs.names(row.first) }
    known += Docs.rows("docs/producing.md", "Middleware, events and logs").flat_map { |row| Docs.names(row.first) }
    known += Karafka::Setup::Config.nested_settings.flat_map { |group, klass| klass.definitions.keys.map { |name| "#{group}.#{name}" } }
    known += Dir.glob("#{Docs::ROOT}/lib/*/instrumentation/**/*.rb").flat_map { File.read(_1).scan(/"([a-z_]+\.[\w.]+)"/).flatten }
    words = Docs::PAGES.flat_map { |page| Docs.code_words(page).map { |word| [page, word] } }
    dotted = words.select { |page, word| !page.start_with?("docs/migration/") && word.match?(/\A[a-z_]+(\.[a-z_]+)+\z/) }
    dotted.reject! { |_, word| word.match?(Docs::NO_SETTING) }
    expect(missing(dotted) { |_, word| known.include?(word) }).to eq([])
  end
end
