# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka doctor`: looks at brokers, settings, topics, rights and groups, and says for each thing that is wrong how to mend it.
    class DoctorCommand
      include OnCluster

      CHECKS = [Doctor::ConnectionCheck, Doctor::VersionsCheck, Doctor::TopicsCheck, Doctor::RightsCheck, Doctor::TimeoutsCheck,
                Doctor::SizesCheck, Doctor::DelaysCheck, Doctor::GroupsCheck, Doctor::OffsetsCheck].freeze
      # A check may ask several questions.
      QUESTIONS = 3
      # Exit status where something was found, as `karafka topics plan --detailed-exitcode` has it.
      FOUND = 2
      COLOURS = { error: :red, warning: :yellow }.freeze
      private_constant :CHECKS, :QUESTIONS, :FOUND, :COLOURS

      # @return [Integer] exit status: 0 nothing to do, 1 nothing found, but not everything could be looked at, 2 something found
      # @raise [Errors::CommandError]
      def call
        results = CHECKS.map { |check| run(check.new(cluster)) }
        findings = results.flat_map { |result| result[:findings] }
        status = status_of(findings, results)
        return json(report(findings, results, status), status) if json?

        findings.sort_by(&:rank).each { |finding| say(finding) }
        results.each { |result| @terminal.say "not checked: #{result[:title]}: #{result[:failure]}" if result[:failure] }
        @terminal.say summary(findings, results)
        status
      end

      private

      def patience
        seconds = @options[:timeout] || 10
        raise Errors::CommandError, "--timeout is #{seconds}, but must be from 1 to 600 seconds" unless seconds.between?(1, 600)

        seconds
      end

      def cluster
        @cluster ||= begin
          App.config.admin.max_wait_time = (patience * 1_000).to_i
          Doctor::Cluster.new(admin, patience, named: Array(@options[:group]))
        end
      end

      # In a thread of its own: one that takes too long does not end the others.
      def run(check)
        failure = nil
        thread = Thread.new do
          check.call
        rescue StandardError => e
          failure = failure_of(e)
        end
        thread.report_on_exception = false
        unless thread.join(patience * QUESTIONS)
          thread.kill
          failure = "it took longer than #{patience * QUESTIONS} s"
        end
        { title: check.class.title, findings: check.findings.dup, failure: failure }
      end

      def failure_of(error)
        code = error.respond_to?(:code) ? error.code : nil
        advice = code && Diagnosis.of(code, error.message, kafka: App.config.kafka).advice
        # A timeout is explained where it is raised.
        [error.message, (advice unless code == :timed_out)].compact.join(": ")
      end

      def status_of(findings, results)
        return FOUND if findings.any?(&:problem?)

        results.any? { |result| result[:failure] } ? FAILED : OK
      end

      def say(finding)
        word = finding.severity.to_s.ljust(7)
        colour = COLOURS[finding.severity]
        @terminal.say "#{colour ? @terminal.paint(word, colour) : word}  #{finding.check}: #{finding.subject}: #{finding.cause}"
        @terminal.say "         -> #{finding.next_step}" if finding.next_step
      end

      def summary(findings, results)
        errors, warnings = %i[error warning].map { |severity| findings.count { |finding| finding.severity == severity } }
        failed = results.count { |result| result[:failure] }
        "#{Amount.of(errors, "error")}, #{Amount.of(warnings, "warning")}" \
          "#{"; #{failed} of #{results.size} checks could not be made" if failed.positive?}"
      end

      def report(findings, results, status)
        checks = results.map { |result| { check: result[:title], failure: result[:failure] } }
        { status: status, findings: findings.map(&:to_h), checks: checks }
      end
    end
  end
end
