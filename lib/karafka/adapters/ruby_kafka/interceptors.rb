# frozen_string_literal: true

module Kafka
  # Objects that see, and may change, each message before it is buffered, or each batch before it is processed.
  class Interceptors
    # @param interceptors [Array<#call>] each takes what the one before gave
    # @param logger [#warn]
    # @raise [ArgumentError] something else
    def initialize(interceptors:, logger:)
      @interceptors = Array(interceptors)
      @logger = logger
      stray = @interceptors.find { |interceptor| !interceptor.respond_to?(:call) }
      raise ArgumentError, "interceptors has #{stray.inspect}, but each must answer to call" if stray
    end

    # @return [Boolean]
    def empty? = @interceptors.empty?

    # One that raises is passed over, with a warning: it must not decide about messages.
    # @param intercepted [PendingMessage, FetchedBatch]
    # @return [PendingMessage, FetchedBatch]
    def call(intercepted)
      @interceptors.reduce(intercepted) do |current, interceptor|
        interceptor.call(current) || current
      rescue StandardError => e
        @logger.warn("the interceptor #{interceptor.class} raised #{e.class}: #{e.message}; it was passed over")
        current
      end
    end
  end
end
