# frozen_string_literal: true

module WaterDrop
  # Steps that each message passes before it is checked. A step takes a message (Hash) and returns one.
  class Middleware
    def initialize
      @steps = [].freeze
    end

    # @return [Boolean]
    def empty?
      @steps.empty?
    end

    # @param message [Hash]
    # @return [Hash]
    def run(message)
      @steps.reduce(message) { |current, step| step.call(current) }
    end

    # @param messages [Enumerable<Hash>]
    # @return [Array<Hash>]
    # @raise [ArgumentError] it is none
    def run_many(messages)
      list = Middleware.list_of(messages)
      empty? ? list : list.map { |message| run(message) }
    end

    # @api private
    # @param messages [Enumerable<Hash>]
    # @return [Array<Hash>]
    # @raise [ArgumentError]
    def self.list_of(messages)
      return messages if messages.is_a?(Array)
      return messages.to_a if messages.is_a?(Enumerable) && !messages.is_a?(Hash)

      raise ArgumentError, "messages must be an Array or another Enumerable of Hashes, not #{messages.class}"
    end

    # @param step [#call] runs first; or a block
    # @yieldparam message [Hash]
    # @yieldreturn [Hash]
    # @return [self]
    # @raise [ArgumentError] it cannot be called
    def prepend(step = nil, &block)
      step ||= block
      add(step) { [step, *@steps] }
    end

    # @param step [#call] runs last; or a block
    # @yieldparam message [Hash]
    # @yieldreturn [Hash]
    # @return [self]
    # @raise [ArgumentError] it cannot be called
    def append(step = nil, &block)
      step ||= block
      add(step) { [*@steps, step] }
    end

    private

    def add(step)
      raise ArgumentError, "#{step.inspect} does not answer to call(message)" unless step.respond_to?(:call)

      @steps = yield.freeze
      self
    end
  end
end
