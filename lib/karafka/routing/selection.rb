# frozen_string_literal: true

module Karafka
  module Routing
    # What the command line lets this process consume: `--include-…` and `--exclude-…`. Without any, everything.
    class Selection
      # What can be selected, and how it is named.
      KINDS = {
        consumer_groups: ->(topic) { [topic.consumer_group.name, topic.consumer_group.id] },
        subscription_groups: ->(topic) { [topic.subscription_group.name, topic.subscription_group.id].compact },
        topics: ->(topic) { [topic.name, topic.regexp&.source].compact }
      }.freeze

      def initialize
        clear
      end

      # @return [void]
      def clear
        @include = Hash.new { |hash, kind| hash[kind] = [] }
        @exclude = Hash.new { |hash, kind| hash[kind] = [] }
      end

      # @param kind [Symbol] one of {KINDS}
      # @param names [Array<String>]
      # @return [void]
      def include_only(kind, names)
        @include[kind] += names
      end

      # @param kind [Symbol] one of {KINDS}
      # @param names [Array<String>]
      # @return [void]
      def exclude(kind, names)
        @exclude[kind] += names
      end

      # @param topic [Topic]
      # @return [Boolean]
      def include?(topic)
        KINDS.all? do |kind, names_of|
          only = @include.fetch(kind, [])
          without = @exclude.fetch(kind, [])
          next true if only.empty? && without.empty?

          names = names_of.call(topic)
          (only.empty? || only.intersect?(names)) && !without.intersect?(names)
        end
      end

      # @param topics [Array<Topic>] all there are
      # @return [void]
      # @raise [Errors::InvalidConfigurationError] a name that no route has, or nothing is left
      def validate!(topics)
        KINDS.each do |kind, names_of|
          known = topics.flat_map { |topic| names_of.call(topic) }.uniq
          (@include.fetch(kind, []) + @exclude.fetch(kind, [])).each do |name|
            Setup.unknown!(kind.to_s.tr("_", " ").delete_suffix("s"), name, known) unless known.include?(name)
          end
        end
        return if topics.empty? || topics.any?(&:active?)

        raise Errors::InvalidConfigurationError, "Nothing is left to consume: every topic is inactive or left out on the command line."
      end
    end
  end
end
