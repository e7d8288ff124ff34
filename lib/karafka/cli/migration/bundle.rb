# frozen_string_literal: true

module Karafka
  module Cli
    module Migration
      # The gems of an application: what its Gemfile asks for, and the versions in its lock file. Bundler is not asked, since the gems need
      # not be installed.
      class Bundle
        # `requirement` is the text of the Gemfile, such as "~> 1.4".
        Gem = Struct.new(:name, :file, :line, :requirement)
        OURS = "karafka-rs"
        VERSION = /\A {4}([\w.-]+) \((\d[^)-]*)/
        private_constant :VERSION

        # @return [Array<Gem>] of the Gemfile and of gemspecs
        attr_reader :gems

        def initialize
          @gems = []
          @versions = {}
          @assumed = {}
        end

        # @param text [String] of a lock file
        # @return [void]
        def read_lock(text)
          text.each_line { |line| line.match(VERSION)&.then { |found| @versions[found[1]] ||= found[2].strip } }
        end

        # @param file [String]
        # @param use [RubyCode::Use] of a Gemfile or a gemspec
        # @return [void]
        def read(file, use)
          gemspec = file.end_with?(".gemspec")
          return unless use.kind == :call && use.arguments.first.is_a?(String)
          return unless gemspec ? use.name.match?(/\Aadd_(runtime_|development_)?dependency\z/) : use.path == ["gem"]

          @gems << Gem.new(use.arguments.first, file, use.line, use.arguments.drop(1).grep(String).first)
        end

        # @param name [String]
        # @return [Boolean]
        def asks_for?(name) = gems.any? { |gem| gem.name == name }

        # @param name [String]
        # @return [String, nil] that of the lock file, else the one that the Gemfile begins with
        def version(name)
          @versions[name] || gems.find { |gem| gem.name == name }&.requirement&.slice(/\d[\w.]*/)
        end

        # @param library [Knowledge::Library]
        # @return [String] where more of it stands, for the version that the application has
        def page(library) = library.page(version(library.gem) || @assumed[library.gem])

        # @param name [String] of a gem
        # @param version [String] how it begins, as the code shows
        # @return [void]
        def assume(name, version)
          @assumed[name] = version
        end

        # @return [Array<Finding>]
        def findings
          replaced, others = gems.reject { |gem| gem.name == OURS }.partition { |gem| library(gem.name) }
          findings = replaced.map { |gem| replacement(gem) }
          findings += others.filter_map { |gem| Knowledge.gems[gem.name]&.then { |entry| finding(gem, entry.verdict, entry.text, "gems") } }
          findings + gems.select { |gem| gem.name == OURS }.map { |gem| finding(gem, :works, nil, OURS) }
        end

        # One line for all that the Gemfile has.
        # @return [String, nil]
        def line
          entries = gems.filter_map { |gem| library(gem.name)&.entry_point }.uniq - ["karafka"]
          karafka = gems.any? { |gem| %w[karafka waterdrop karafka-sidekiq-backend].include?(gem.name) }
          entries.unshift("karafka") if karafka && entries.any?
          return "gem \"#{OURS}\"" if entries.empty?

          "gem \"#{OURS}\", require: #{entries.size == 1 ? entries.first.inspect : entries.inspect}"
        end

        private

        def library(gem) = Knowledge.libraries.find { |library| library.gem == gem }

        def replacement(gem)
          library = library(gem.name)
          finding(gem, :do, "#{instead(gem, library)}#{outdated(library, gem)}", library.name)
        end

        def instead(gem, library)
          return "delete it: karafka-rs takes its place" if asks_for?(OURS)
          return "write \"#{OURS}\" instead, and `require \"#{library.entry_point}\"`" if gem.file.end_with?(".gemspec")

          "write `#{line}` instead#{", once for all of them" if several?}"
        end

        def several? = gems.count { |gem| library(gem.name) } > 1

        # What other releases than those whose names are here call differently is not known.
        def outdated(library, gem)
          version = version(gem.name)
          return if library.generation.nil? || version.nil? || version.start_with?(library.generation)

          ". The names that are known are those of #{library.generation}x; here it is #{version}: read its change log, too"
        end

        def finding(gem, verdict, text, library)
          Finding.new(file: gem.file, lines: [gem.line], verdict: verdict, library: library, subject: "gem \"#{gem.name}\"", text: text,
                      page: Knowledge.library(library)&.then { |known| page(known) })
        end
      end
    end
  end
end
