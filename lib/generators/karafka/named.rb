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

      CLASS = /\A\p{Lu}\p{Word}*(::\p{Lu}\p{Word}*)*\z/
      # The classes that the generated ones inherit from.
      TAKEN = "application"
      private_constant :CLASS, :TAKEN

      # @raise [Thor::Error] what would be written could not be loaded, and neither could the application then
      def initialize(*)
        super
        return unless behavior == :invoke

        refuse("no class can be called #{class_name}") unless CLASS.match?(class_name)
        refuse("#{class_name} is what the others inherit from") if file_path == TAKEN
        refuse("no topic can be called #{topic}: it takes #{Setup::Types::NAME.description}; give --topic") unless
          Setup::Types::NAME.allowed?(topic)
      end

      private

      def refuse(reason)
        raise Thor::Error, "Nothing was made: #{reason}."
      end

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
