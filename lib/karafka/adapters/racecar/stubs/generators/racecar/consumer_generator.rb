# frozen_string_literal: true

require "rails/generators"

module Racecar
  module Generators
    # `rails generate racecar:consumer NAME`
    class ConsumerGenerator < ::Rails::Generators::NamedBase
      namespace "racecar:consumer"
      desc "Create a Racecar consumer"

      # @return [void]
      def create_consumer_file
        create_file("app/consumers/#{file_path}_consumer.rb", <<~RUBY)
          # frozen_string_literal: true

          class #{class_name}Consumer < Racecar::Consumer
            subscribes_to "some-topic"

            def process(message)
              # message.value, message.key, message.headers
            end
          end
        RUBY
      end

      private

      def file_name
        super.delete_suffix("_consumer")
      end
    end
  end
end
