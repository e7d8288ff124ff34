# frozen_string_literal: true

module Karafka
  class Admin
    # Where a group is to be moved, as callers write it, in the form that the engine takes.
    # @api private
    module Targets
      ALL = -1
      ALLOWED = "an offset of at least 0, a Time, :earliest or :latest"
      private_constant :ALL, :ALLOWED

      class << self
        # @param topics [Hash{String, Symbol=>Object}] a position, or a Hash of partitions with positions, for each topic
        # @return [Hash{String=>Hash{Integer=>Object}}]
        # @raise [Errors::InvalidConfigurationError]
        def of(topics)
          valid = topics.respond_to?(:to_hash) && topics.to_hash.any?
          Setup.invalid!("the new offsets", topics, "a Hash of topics with #{ALLOWED}, or with a Hash of these by partition") unless valid

          topics.to_hash.to_h { |topic, target| [Arguments.name("topic", topic), partitions(topic, target)] }
        end

        private

        def partitions(topic, target)
          return { ALL => position(topic, target) } unless target.respond_to?(:to_hash)

          target.to_hash.to_h { |partition, own| [Arguments.partition(partition), position("#{topic}/#{partition}", own)] }
        end

        def position(place, target)
          case target
          when :earliest, "earliest", :latest, "latest" then return target.to_s
          when Integer then return { "offset" => target } if Arguments.offset?(target)
          else return { "time" => Arguments.milliseconds(target) } if Arguments.time?(target)
          end
          Setup.invalid!("the new offset of #{place}", target, ALLOWED)
        end
      end
    end
    private_constant :Targets
  end
end
