# frozen_string_literal: true

module Karafka
  module Instrumentation
    module Vendors
      module Appsignal
        # What the listeners for AppSignal share. They need the gem appsignal, 4 or later.
        class Base
          # @return [Module] ::Appsignal, or a stand-in for it
          attr_writer :client
          # @return [String] comes before the names of metrics, with an underscore
          attr_accessor :namespace

          # @yieldparam config [Base] `client`, `namespace`
          def initialize(&block)
            @namespace = "karafka"
            setup(&block) if block
          end

          # @yieldparam config [Base]
          # @return [void]
          def setup
            yield self
          end

          # @return [Module]
          # @raise [Errors::InvalidConfigurationError] the gem is not loaded
          def client
            @client ||= Object.const_get(:Appsignal)
          rescue NameError
            raise Errors::InvalidConfigurationError, "#{self.class} needs the gem appsignal: add `gem \"appsignal\"` to the Gemfile"
          end

          private

          def tags_of(consumer)
            { topic: consumer.topic.name, partition: consumer.partition, consumer_group: consumer.topic.consumer_group.id }
          end
        end
      end
    end
  end
end
