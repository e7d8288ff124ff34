# frozen_string_literal: true

namespace :verify do
  desc "Licences, sources and duplicates of crates, and gems that are the same bytes twice; ADVISORIES=1: known weaknesses as well"
  task supply_chain: "package:licenses:check" do
    require_relative "platforms/tools"
    require_relative "platforms/gem_builder"

    sh Tools.cargo_tool("cargo-deny"), "--locked", "check", "licenses", "bans", "sources"
    # cargo-deny clones the list of advisories from GitHub, which not every machine reaches.
    if ENV["ADVISORIES"]
      sh Tools.cargo_tool("cargo-deny"), "--locked", "check", "advisories"
    else
      puts "advisories: not checked; ADVISORIES=1 does, where GitHub can be reached"
    end
    Rake::Task["package:reproducible"].invoke
  end
end

namespace :package do
  desc "Pack the source gem, and what package:platforms has compiled, twice; the same bytes have to come, and pkg/SHA256SUMS"
  task :reproducible do
    require_relative "platforms/gem_builder"

    FileUtils.mkdir_p(Compiler::PLACE)
    source = GemBuilder.source_specification
    version = source.version
    packers = { source.file_name => -> { GemBuilder.pack(GemBuilder.source_specification, Compiler::PLACE, source.file_name) } }
    Platform::ALL.each do |platform|
      minors = Compiler.new(platform).minors
      packers["karafka-rs-#{version}-#{platform.name}.gem"] = -> { GemBuilder.new(platform, minors).call } if minors.any?
    end
    sums = packers.map do |name, packer|
      first, second = Array.new(2) { Digest::SHA256.file(packer.call).hexdigest }
      abort "#{name} has other bytes each time: #{first}, #{second}" if first != second
      "#{first}  #{name}\n"
    end
    File.write("#{Compiler::PLACE}/SHA256SUMS", sums.join)
    puts sums
  end
end
