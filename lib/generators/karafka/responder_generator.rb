# frozen_string_literal: true

require_relative "named"

module Karafka
  module Generators
    # `rails generate karafka:responder NAME`: a responder and its test.
    class ResponderGenerator < ::Rails::Generators::NamedBase
      include Named

      namespace "karafka:responder"
      desc "Create a responder with its test"

      # @return [void]
      def create_responder
        skeleton.responder(file_path, class_name, topic).each { |path, text| create_file(path, text) }
      end

      private

      def file_name
        super.delete_suffix("_responder")
      end
    end
  end
end
