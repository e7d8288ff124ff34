# frozen_string_literal: true

# Files that can be read in one go: prints each source file that is longer, and fails: `ruby spec/support/file_sizes.rb`.
module FileSizes
  ROOT = File.expand_path("../..", __dir__)
  MOST_LINES = 350
  SOURCES = %w[bench bin exe ext examples lib rakelib spec verify].map { |directory| "#{directory}/**/*.{rb,rs,rake}" }.freeze
  BUILT = %r{(\A|/)(target|tmp|vendor|node_modules)/}

  module_function

  # @param root [String]
  # @return [Array<String>] "path: 360 lines, at most 350"
  def findings(root = ROOT)
    Dir.glob(SOURCES, base: root).grep_v(BUILT).sort.filter_map do |path|
      lines = File.foreach(File.join(root, path)).count
      "#{path}: #{lines} lines, at most #{MOST_LINES}: split it by what it is about" if lines > MOST_LINES
    end
  end
end

if $PROGRAM_NAME == __FILE__
  found = FileSizes.findings
  puts found
  exit found.empty?
end
