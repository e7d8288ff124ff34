# frozen_string_literal: true

require "logger"
require "timeout"

# What workers of any background library can prepend, by the names of the gem worker-glass. A worker is a class with `perform`.
#
# @example
#   class ReportWorker
#     prepend WorkerGlass::Timeout
#     prepend WorkerGlass::Reentrancy
#     self.timeout = 60
#
#     def perform(id) = Report.find(id).build!
#     def after_failure(id) = Report.find(id).failed!
#   end
module WorkerGlass
  # Errors of this module.
  module Errors
    # Common ancestor.
    class Base < StandardError; end
    # `prepend WorkerGlass::Timeout` without `self.timeout = …`.
    class TimeoutNotDefined < Base; end
    # `perform` took longer than `timeout`.
    class TimeoutError < Base; end
  end

  class << self
    # @return [Logger]
    attr_writer :logger

    # @return [Logger] none was set: one that writes nothing
    def logger
      @logger ||= ::Logger.new(nil)
    end
  end

  # Ends `perform` once it has taken `timeout` seconds.
  module Timeout
    # Not a StandardError, so that a `rescue` in the worker does not take it for one of its own.
    class Expired < Exception; end # rubocop:disable Lint/InheritException
    private_constant :Expired

    # The setting of a class; those below it have it, too.
    module Setting
      # @return [Integer, Float, nil] seconds
      attr_writer :timeout

      # @return [Integer, Float, nil] seconds
      def timeout
        @timeout || (superclass.timeout if superclass.respond_to?(:timeout))
      end
    end

    # @api private
    def self.prepended(worker)
      super
      worker.extend(Setting)
    end

    # @return [Object] what `perform` of the worker gives
    # @raise [Errors::TimeoutNotDefined]
    # @raise [Errors::TimeoutError]
    def perform(*arguments, **options)
      seconds = self.class.timeout or raise Errors::TimeoutNotDefined, "#{self.class} has no timeout: set `self.timeout = 60` (seconds)"

      begin
        ::Timeout.timeout(seconds, Expired) { super(*arguments, **options) }
      rescue Expired
        raise Errors::TimeoutError, "#{self.class}#perform took longer than #{seconds} s"
      end
    end
  end

  # Calls `after_failure`, with what `perform` was given, where it raises.
  module Reentrancy
    # @return [Object] what `perform` of the worker gives
    # @raise what it raises
    def perform(*arguments, **options)
      super
    rescue StandardError => e
      WorkerGlass.logger.fatal(e)
      after_failure(*arguments, **options)
      raise
    end

    # What a worker may define.
    # @return [void]
    def after_failure(*, **)
      super if defined?(super)
    end
  end
end
