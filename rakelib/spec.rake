# frozen_string_literal: true

namespace :spec do
  desc "Unit specs (no broker)"
  task(:unit) { sh "bin/test", "unit" }

  desc "Integration specs on librdkafka's mock cluster, one process a file"
  task(:mock) { sh "bin/test", "mock" }

  desc "Specs on real Kafka (starts a cluster unless KARAFKA_TEST_BROKERS names one)"
  task(:kafka) { sh "bin/test", "kafka" }
end

desc "Unit and mock-cluster specs"
task(:spec) { sh "bin/test", "unit", "mock" }
