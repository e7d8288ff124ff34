# frozen_string_literal: true

module Karafka
  module Cli
    module Doctor
      # One thing that `karafka doctor` looks at. Each `call` notes findings; what it raises says that it could not look.
      class Check
        # @return [String] in the output
        def self.title = name[/\w+\z/].delete_suffix("Check").downcase

        # @return [Array<Finding>]
        attr_reader :findings

        # @param cluster [Cluster]
        def initialize(cluster)
          @cluster = cluster
          @findings = []
        end

        private

        attr_reader :cluster

        def admin = cluster.admin

        def error(subject, cause, next_step) = note(subject, cause, next_step, severity: :error)
        def warning(subject, cause, next_step) = note(subject, cause, next_step, severity: :warning)

        def note(subject, cause, next_step = nil, severity: :note)
          @findings << Finding.new(severity: severity, check: self.class.title, subject: subject, cause: cause, next_step: next_step)
        end

        def list(names) = NameList.short(names, 5)
      end
    end
  end
end
