# frozen_string_literal: true

module Karafka
  # This operating system process. (Within the namespace Karafka, Ruby's own module is +::Process+.)
  module Process
    # Labels that an application puts on a process or a consumer, for people who look at it from outside.
    class Tags
      include Enumerable

      def initialize
        @mutex = Mutex.new
        @tags = {}
      end

      # @param name [Symbol, String] adding it again replaces the value
      # @param value [#to_s]
      # @return [void]
      def add(name, value)
        @mutex.synchronize { @tags = @tags.merge(name.to_sym => value.to_s) }
      end

      # @param name [Symbol, String]
      # @return [void]
      def delete(name)
        @mutex.synchronize { @tags = @tags.reject { |key, _| key == name.to_sym } }
      end

      # @return [void]
      def clear
        @mutex.synchronize { @tags = {} }
      end

      # @yieldparam value [String] each distinct one
      # @return [Enumerator, self]
      def each(&block)
        return to_a.each unless block

        to_a.each(&block)
        self
      end

      # @return [Array<String>] distinct values
      def to_a
        @tags.values.uniq
      end

      # @return [Hash{Symbol=>String}]
      def to_h
        @tags.dup
      end
    end

    @tags = Tags.new

    class << self
      # @return [Tags] for instance `Karafka::Process.tags.add(:commit, "1a2b3c")`
      attr_reader :tags
    end
  end
end
