# frozen_string_literal: true

namespace :spec do
  desc "Unit specs (no broker)"
  task(:unit) { sh "bin/test", "unit" }

  desc "Integration specs on librdkafka's mock cluster, one process a file"
  task(:mock) { sh "bin/test", "mock" }

  desc "Specs on real Kafka (starts a cluster unless KARAFKA_TEST_BROKERS names one)"
  task(:kafka) { sh "bin/test", "kafka" }

  desc "Specs of producers under GC.stress (KARAFKA_GC_STRESS, the share of the time, 0.5)"
  task(:gc_stress) do
    files = Dir["spec/unit/{waterdrop,responders,consumers,flow}/*_spec.rb",
                "spec/integration/{produce*,variants,transactions,respond}_spec.rb"]
    share = ENV.fetch("KARAFKA_GC_STRESS", "0.5")
    failed = files.reject { |file| system({ "KARAFKA_GC_STRESS" => share }, "rspec", file) }
    abort "failed under GC.stress: #{failed.join(" ")}" if failed.any?
  end
end

desc "Unit and mock-cluster specs"
task(:spec) { sh "bin/test", "unit", "mock" }
