# frozen_string_literal: true

module Karafka
  module Cli
    module Top
      # Where a process answers: the base of its URL, or its socket, and the token that it wants.
      Address = Struct.new(:url, :socket, :token, keyword_init: true) do
        # @return [String]
        def name = socket || url.delete_prefix("http://")
      end
    end
  end
end
