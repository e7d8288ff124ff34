# frozen_string_literal: true

require "rails/generators"
require "rails/generators/named_base"

module Karafka
  module Generators
    # What the generators of consumers and responders share: a name, and a topic that is the name unless another one is given.
    module Named
      # @api private
      # @param generator [Class]
      # @return [void]
      def self.included(generator)
        generator.class_option :topic, type: :string, desc: "Name of the topic; without it, that of the class"
      end

      private

      # @return [String]
      def topic
        options["topic"] || file_path.tr("/", "_")
      end

      def skeleton
        @skeleton ||= Cli::Skeleton.new(destination_root)
      end
    end
  end
end
