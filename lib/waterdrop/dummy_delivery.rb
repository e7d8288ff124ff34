# frozen_string_literal: true

module WaterDrop
  # What `deliver = false` gives in place of a native delivery: everything is stored at once, nowhere.
  class DummyDelivery
    # @param messages [Array<Hash>]
    def initialize(messages)
      @messages = messages
    end

    # @return [Integer]
    def size
      @messages.size
    end

    # @return [nil]
    def first_failure; end

    # @return [true]
    def done?
      true
    end

    # @return [Boolean]
    def labelled?
      @messages.any? { |message| message[:label] }
    end

    # @return [0]
    def tag
      0
    end

    # @return [void]
    def watch(_tag); end

    # @return [String]
    def topic(index)
      @messages[index][:topic].to_s
    end

    # @return [Array]
    def report(index)
      [@messages[index][:partition] || 0, 0, 0]
    end
  end
  private_constant :DummyDelivery
end
