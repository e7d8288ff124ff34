# frozen_string_literal: true

module Brokers
  # Members of another version of this gem, and of another library, in one group with ours: the way here and the way back.
  module Neighbours
    VENV = File.join(KafkaLibraries.default_dir, "venv-neighbours")
    PYTHON = File.join(VENV, "bin/python")
    # What today's Ruby framework leaves to librdkafka, and the other choice its users make.
    STRATEGIES = %w[range,roundrobin cooperative-sticky].freeze

    module_function

    # They take over from the others, and the others from them, one member at a time.
    def there_and_back(ground, strategy, parallel: false, &foreign)
      Groups.under_load(ground, { "partition.assignment.strategy": strategy }) do |fleet|
        working = []
        %i[theirs theirs ours ours theirs theirs].each_with_index do |whose, index|
          name = "#{whose}-#{index}"
          whose == :ours ? fleet.join(name, parallel: parallel) : foreign.call(fleet, name)
          ground.wait_until("#{name} is at work") { fleet.at_work?(name) }
          working << name
          fleet.leave(working.shift) if working.size > 2
        end
      end
    end

    def another_version(ground)
      checkout = ENV["VERIFY_BEFORE"].to_s
      raise Unavailable, "--before names no checkout" if checkout.empty?

      STRATEGIES.map do |strategy|
        there_and_back(ground, strategy) { |fleet, name| fleet.join(name, checkout: checkout) }
      end.join("; ")
    end

    def another_library(ground)
      install
      STRATEGIES.map do |strategy|
        there_and_back(ground, strategy) { |fleet, name| fleet.join_foreign(name, PYTHON) }
      end.join("; ")
    end

    # What our members keep in the commits' metadata means nothing to others, and theirs nothing to ours.
    def another_library_parallel(ground)
      install
      there_and_back(ground, STRATEGIES.last, parallel: true) { |fleet, name| fleet.join_foreign(name, PYTHON) }
    end

    def install
      return if File.exist?(PYTHON) && system(PYTHON, "-c", "import confluent_kafka", err: File::NULL)

      good = system("python3", "-m", "venv", VENV) && system(PYTHON, "-m", "pip", "install", "--quiet", "confluent-kafka")
      raise Unavailable, "confluent-kafka could not be installed" unless good
    end

    CHECKS = {
      "beside another version" => method(:another_version),
      "beside another library" => method(:another_library),
      "the same, with parallel" => method(:another_library_parallel)
    }.freeze
  end
end
