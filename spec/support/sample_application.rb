# frozen_string_literal: true

require "fileutils"
require "stringio"
require "tmpdir"

# An application of files in a directory of its own, as `karafka doctor --migrate` reads it.
module SampleApplication
  def self.included(group)
    group.let(:directory) { File.realpath(Dir.mktmpdir) }
    group.after { FileUtils.rm_rf(directory) }
  end

  # @param files [Hash{String=>String}] text by path
  def write(files)
    files.each do |name, text|
      path = File.join(directory, name)
      FileUtils.mkdir_p(File.dirname(path))
      File.binwrite(path, text)
    end
  end

  # @return [Hash{Symbol=>Object}] status, findings, unread, libraries
  def examined(files = {})
    write(files)
    out = StringIO.new
    Karafka::Cli::MigrateCommand.new({ json: true }, root: directory, terminal: Karafka::Cli::Terminal.new(out: out)).call
    JSON.parse(out.string, symbolize_names: true)
  end

  # @return [Array<String>] "line verdict subject" of one file
  def short(report, file)
    report[:findings].select { |finding| finding[:file] == file }
                     .flat_map { |finding| finding[:lines].map { |line| "#{line} #{finding[:verdict]} #{finding[:subject]}" } }
                     .sort_by { |text| [text.to_i, text] }
  end

  # @return [String] text of the finding about that
  def text(report, subject)
    found = report[:findings].find { |finding| finding[:subject] == subject } or raise "nothing about #{subject}"
    found[:text].to_s
  end
end
