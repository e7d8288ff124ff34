# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka doctor --migrate`: reads the application of a directory and lists what a move to this gem means for it.
    class MigrateCommand
      include OnCluster

      # Exit status where something has to be done, as that of {DoctorCommand}.
      TO_DO = 2
      WORDS = { do: :red, changes: :yellow, works: :green }.freeze
      # Of the column with the lines, which is cut.
      MOST_LINES = 4
      private_constant :TO_DO, :WORDS, :MOST_LINES

      # @param options [Hash{Symbol, String=>Object}]
      # @param root [String] directory of the application
      # @param terminal [Terminal]
      def initialize(options = {}, root: Dir.pwd, terminal: Terminal.new)
        super(options, terminal: terminal)
        @root = root
      end

      # @return [Integer] exit status: 0 nothing has to be done, 1 the same, but not everything could be read, 2 something has to be done
      def call
        examination = Migration::Examination.new(@root)
        findings = examination.call
        unread = examination.tree.unread
        status = status_of(findings, unread)
        return json(report(examination, findings, unread, status), status) if json?

        say_libraries(examination.used)
        findings.group_by(&:file).each { |file, of_file| say_file(file, of_file) }
        unread.each { |one| @terminal.say "#{one.file}: #{one.reason}" }
        say_summary(examination, findings)
        status
      end

      private

      def status_of(findings, unread)
        return TO_DO if findings.any?(&:to_do?)

        unread.any? ? FAILED : OK
      end

      def say_libraries(used)
        if used.empty?
          @terminal.say "No library that karafka-rs takes the place of is used in #{@root}."
        else
          used.each { |one| @terminal.say "#{[one.name, one.version].compact.join(" ")}: see #{one.page}" }
        end
      end

      def say_file(file, findings)
        @terminal.say "", file
        width = findings.map { |finding| lines(finding).size }.max
        findings.each do |finding|
          word = @terminal.paint(finding.verdict.to_s.ljust(7), WORDS.fetch(finding.verdict))
          @terminal.say "  #{word}  #{lines(finding).ljust(width)}  #{[finding.subject, finding.text].compact.join(": ")}"
        end
      end

      def lines(finding)
        shown = finding.lines.first(MOST_LINES)
        rest = finding.lines.size - shown.size
        "#{shown.join(", ")}#{" and #{rest} more" if rest.positive?}"
      end

      def say_summary(examination, findings)
        counts = WORDS.keys.to_h { |verdict| [verdict, findings.count { |finding| finding.verdict == verdict }] }
        @terminal.say "", "#{counts[:do]} to do, #{counts[:changes]} that change their meaning, #{counts[:works]} that work as they " \
                          "stand, in #{examination.tree.files_read} files. Nothing was run or changed."
      end

      def report(examination, findings, unread, status)
        { status: status, libraries: examination.used.map(&:to_h), findings: findings.map(&:to_h), unread: unread.map(&:to_h),
          files_read: examination.tree.files_read }
      end
    end
  end
end
