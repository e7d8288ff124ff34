# frozen_string_literal: true

# What threads have handed over so far.
module Drain
  # @param queue [Thread::Queue]
  # @return [Array] what was in it
  def drain(queue) = Array.new(queue.size) { queue.pop }
end
