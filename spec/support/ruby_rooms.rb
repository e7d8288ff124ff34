# frozen_string_literal: true

# The rooms of lib/karafka: a room uses what is below it, or beside it on the same floor, and nothing above. Prints each constant that
# a file takes from above, and fails: `ruby spec/support/ruby_rooms.rb`.
module RubyRooms
  LIB = File.expand_path("../../lib/karafka", __dir__)
  # From below. Rooms of one floor may use each other: an error asks librdkafka for the name of its code, routes take their defaults
  # from the settings, which hold a mapper of topics, and the runtime is driven by the server that it gives its state to.
  FLOORS = [
    %w[version base kafka], %w[instrumentation], %w[oauth], %w[deserializers], %w[setup routing failures/outcomes],
    %w[messages], %w[failures], %w[consumers responders], %w[engine], %w[runtime server],
    %w[admin flow declaratives], %w[cli testing active_job heroku], %w[adapters]
  ].freeze
  # Karafka::App is the front door: every room asks it for settings and routes. Applications inherit from the base classes, so any
  # room may meet one. compat/ has names of earlier generations, and modules with such names that classes of any room include.
  ANYWHERE = %w[app base_consumer base_responder compat].freeze
  # Folders whose files define constants of Karafka itself, as in lib/karafka.rb.
  ROOTS = %w[base kafka runtime failures/outcomes compat/names].freeze
  # Of Ruby as well: what is meant cannot be told from the name.
  AMBIGUOUS = %w[Process].freeze

  module_function

  # @param lib [String]
  # @return [Array<String>] "path:line: messages uses Routing of routing, which is above it"
  def findings(lib = LIB)
    paths = Dir.glob("**/*.rb", base: lib).sort
    owners = paths.to_h { |path| [constant(path), room(path)] }.except(*AMBIGUOUS)
    paths.flat_map { |path| upward(path, File.read(File.join(lib, path), encoding: "UTF-8"), owners) }
  end

  # @param lib [String]
  # @return [Array<String>] entries of the directory that no floor has
  def strangers(lib = LIB)
    known = FLOORS.flatten + ANYWHERE
    Dir.children(lib).map { |entry| entry.delete_suffix(".rb") }.uniq.sort - known
  end

  def room(path)
    return "failures/outcomes" if path.start_with?("failures/outcomes/")

    path[%r{\A[^/.]+}]
  end

  def floor(room) = FLOORS.index { |rooms| rooms.include?(room) }

  # @return [String] the constant below Karafka that the file is part of
  def constant(path)
    root = ROOTS.find { |directory| path.start_with?("#{directory}/") }
    path.delete_prefix("#{root}/")[%r{\A[^/.]+}].split("_").map(&:capitalize).join
  end

  def upward(path, source, owners)
    room = room(path)
    height = floor(room)
    return [] if height.nil?

    code = without_words(source)
    own = code.scan(/^\s*(?:class|module)\s+(\w+)|^\s*([A-Z]\w*)\s*=/).flatten.compact
    uses(code).filter_map do |line, name|
      used = owners[name]
      next if own.include?(name) || used.nil? || ANYWHERE.include?(used) || floor(used).nil? || floor(used) <= height

      "#{path}:#{line}: #{room} uses #{name} of #{used}, which is above it"
    end
  end

  # Comments and the words of texts are no uses; what a text interpolates is.
  def without_words(source)
    source.gsub(/^[ \t]*#.*$/, "").gsub(/"(?:[^"\\]|\\.)*"/) { |text| text.scan(/\#\{[^}]*\}|\n/).join(" ") }
  end

  # @return [Array<Array(Integer, String)>] line and the first name below Karafka
  def uses(code)
    code.each_line.with_index(1).flat_map do |line, number|
      line.scan(/(?<![\w:.@'])(?:Karafka::)?([A-Z]\w*)/).flatten.map { |name| [number, name] }
    end
  end
end

if $PROGRAM_NAME == __FILE__
  found = RubyRooms.findings + RubyRooms.strangers.map { |name| "lib/karafka/#{name}: on no floor of spec/support/ruby_rooms.rb" }
  puts found
  exit found.empty?
end
