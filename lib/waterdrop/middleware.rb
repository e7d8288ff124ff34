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

    # @param messages [Array<Hash>]
    # @return [Array<Hash>]
    def run_many(messages)
      empty? ? messages : messages.map { |message| run(message) }
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
