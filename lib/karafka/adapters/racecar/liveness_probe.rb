# frozen_string_literal: true

require "fileutils"

module Racecar
  # A file whose time says when the consumer last showed a sign of life: after each poll and each batch. `racecarctl liveness_probe`
  # looks at it.
  class LivenessProbe
    # @return [String]
    attr_reader :file_path
    # @return [Numeric] seconds
    attr_reader :max_interval

    # @param file_path [String]
    # @param max_interval [Numeric] seconds
    def initialize(file_path, max_interval)
      @file_path = file_path
      @max_interval = max_interval
    end

    # Once a second at most: a file system may be slow.
    # @return [void]
    def touch
      now = Karafka::Clock.now
      return if @touched && now - @touched < [1.0, max_interval / 2.0].min

      @touched = now
      FileUtils.touch(file_path)
    rescue SystemCallError => e
      Racecar.logger.error("cannot touch liveness_probe_file_path #{file_path}: #{e.message}")
    end

    # @return [void]
    def remove
      FileUtils.rm_f(file_path)
    end

    # @return [Boolean] whether it is young enough
    def alive?
      Time.now - File.mtime(file_path) < max_interval
    rescue Errno::ENOENT
      false
    end

    # @return [String] for people
    def verdict
      return "#{file_path} does not exist: the consumer has not started, or has stopped" unless File.exist?(file_path)

      "the last sign of life was #{(Time.now - File.mtime(file_path)).round(1)} s ago; liveness_probe_max_interval is #{max_interval} s"
    end
  end
end
