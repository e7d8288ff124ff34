# frozen_string_literal: true

module Karafka
  module Cli
    module Migration
      # What is not Ruby: configuration files of the libraries, commands in files such as a Procfile, environment variables.
      class FileRules
        # Of phobos, in the file itself rather than in a section of it.
        TOP = 1
        private_constant :TOP

        # @param findings [Findings]
        # @param tree [Tree] that takes what could not be read
        def initialize(findings, tree)
          @findings = findings
          @tree = tree
        end

        # @param file [String]
        # @param text [String]
        # @param used [Array<Knowledge::Library>] libraries of the application
        # @return [void]
        def apply(file, text, used)
          Knowledge.libraries.each { |library| library.files[file]&.then { |shape| settings(file, text, library, shape) } }
          used.each { |library| commands(file, text, library) }
        end

        # @param file [String]
        # @return [Array<Knowledge::Library>] whose configuration that is
        def self.of(file) = Knowledge.libraries.select { |library| library.files.key?(file) }

        private

        def settings(file, text, library, shape)
          yaml = SettingsFile.new(text)
          yaml.each do |path, line, value|
            name = shape == "environments" ? in_environment(path) : in_section(path, library)
            @findings.add(file, line, library, name, library.judge(name, value)) if name
          end
          @tree.unread << Tree::Unread.new(file, yaml.problem) if yaml.problem
        end

        # `development:` holds the settings.
        def in_environment(path) = path.size == 2 && path[1] != "<<" ? path[1] : nil

        # The sections, and what is known of the names in them.
        def in_section(path, library)
          return path[0] if path.size == TOP

          path.join(".") if library.setting(path.join("."))
        end

        def commands(file, text, library)
          patterns = library.patterns("commands")
          variable = library.prefix && /\b#{library.prefix}([A-Z][A-Z_]*)\b/
          text.each_line.with_index(1) do |line, number|
            next if line.match?(/\A\s*#(?!!)/)

            patterns.each { |pattern, entry| @findings.add(file, number, library, line[pattern].strip, entry) if line.match?(pattern) }
            line.scan(variable) { |(name)| variable(file, number, library, name) } if variable
          end
        end

        def variable(file, line, library, name)
          return if name == "ENV"

          @findings.add(file, line, library, "#{library.prefix}#{name}", library.judge(name.downcase))
        end
      end
    end
  end
end
