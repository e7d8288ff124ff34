# frozen_string_literal: true

module Karafka
  module Routing
    # Evaluates a block of settings for a part of the routes, as Karafka 1.x and 2.x had it. Here the parts do that themselves.
    class Proxy
      # @return [Layer, Builder]
      attr_reader :target

      # @param target [Layer, Builder]
      # @param defaults [Proc, nil] settings that come first
      # @yield settings
      def initialize(target, defaults = nil, &block)
        @target = target
        evaluate = target.respond_to?(:read_block) ? :read_block : :instance_eval
        [defaults, block].compact.each { |given| target.public_send(evaluate, &given) }
      end
    end
  end
end
