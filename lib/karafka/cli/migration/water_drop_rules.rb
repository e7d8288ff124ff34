# frozen_string_literal: true

module Karafka
  module Cli
    module Migration
      # Settings of producers, by the code that takes them; the rest by the table.
      class WaterDropRules < LibraryRules
        private

        def call(file, use)
          required(file, use) if use.path == ["require"]
        end

        # {KarafkaRules} looks the names up.
        def constant(file, use); end

        def assignment(file, use)
          path = setting_path(use.path) or return
          value = use.arguments.first
          given = path == ["kafka"] && value.is_a?(Hash) ? value.map { |name, one| [["kafka", name.to_s], one] } : [[path, value]]
          given.each { |name, one| judge(file, use, name, one) }
        end

        # Of `WaterDrop.setup { |config| … }`, `WaterDrop::Producer.new { |config| … }` and the producer of an application.
        def setting_path(path)
          return path.drop(2) if path.size > 2 && %w[WaterDrop.setup WaterDrop::Producer.new].include?(path.first(2).join("."))

          at = path.each_cons(2).find_index(%w[setup producer])
          path.drop(at + 2) if at && path.size > at + 2
        end

        def judge(file, use, path, value)
          problem = Trial.producer(path, value)
          entry = Knowledge::Entry.new(:do, problem) if problem
          entry ||= @library.entry("settings", path.join(".")) || @library.entry("settings", path.first) || Knowledge.entry("works")
          add(file, use, "producer #{path.join(".")}", entry)
        end
      end
    end
  end
end
