# frozen_string_literal: true

module Karafka
  module Cli
    # `--header NAME=VALUE`, which may be given several times.
    module HeaderOptions
      class << self
        # @param texts [Array<String>, nil]
        # @return [Array<Array(String, String)>]
        # @raise [Errors::CommandError]
        def pairs(texts)
          Array(texts).map do |text|
            name, value = text.split("=", 2)
            raise Errors::CommandError, "--header #{text}: write NAME=VALUE" if value.nil? || name.empty?

            [name, value]
          end
        end
      end
    end
  end
end
