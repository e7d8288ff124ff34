# frozen_string_literal: true

module Karafka
  # Where the code of a consumer is, for people who ask what a process does.
  # @api private
  module Place
    class << self
      # @param klass [Class] of a consumer
      # @return [Array(String, String, Integer), Array(String, nil, nil)] its name, the file and the line of `consume`
      def of(klass)
        (@known ||= {}.compare_by_identity)[klass] ||= [klass.name || klass.inspect, *location(klass)].freeze
      end

      private

      def location(klass)
        file, line = klass.instance_method(:consume).source_location
        [file && short(file), line]
      rescue NameError
        [nil, nil]
      end

      # As people name it: from the application's directory on.
      def short(file)
        Text.readable(file).delete_prefix("#{Text.readable(Karafka.root.to_s)}/")
      end
    end
  end
end
