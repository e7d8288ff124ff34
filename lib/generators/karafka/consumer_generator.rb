# frozen_string_literal: true

require_relative "named"

module Karafka
  module Generators
    # `rails generate karafka:consumer NAME`: a consumer, its test and its route.
    class ConsumerGenerator < ::Rails::Generators::NamedBase
      include Named

      namespace "karafka:consumer"
      desc "Create a consumer with its test, and add its route to karafka.rb"

      ROUTES = /^(?<indent>[ \t]*)(?:[\w:.]+\.)?routes\.draw do.*\n/
      private_constant :ROUTES

      # @return [void]
      def create_consumer
        skeleton.consumer(file_path, class_name, topic).each { |path, text| create_file(path, text) }
      end

      # @return [void]
      def add_route
        route = "topic(#{skeleton.topic_literal(topic)}) { consumer #{class_name}Consumer }"
        path = File.join(destination_root, "karafka.rb")
        found = File.exist?(path) && File.read(path).match(ROUTES)
        return say("#{behavior == :invoke ? "Add it to" : "Take it out of"} the routes: #{route}", :yellow) unless found

        insert_into_file("karafka.rb", "#{found[:indent]}  #{route}\n", after: found[0])
      end

      private

      def file_name
        super.delete_suffix("_consumer")
      end
    end
  end
end
