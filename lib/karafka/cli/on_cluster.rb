# frozen_string_literal: true

require "json"

module Karafka
  module Cli
    # What the commands about a cluster share: how it is asked, and how results are printed for programs.
    module OnCluster
      # @param options [Hash{Symbol, String=>Object}] of the command line
      # @param terminal [Terminal]
      # @param admin [Admin, nil] nil: of the application's cluster
      def initialize(options = {}, terminal: Terminal.new, admin: nil)
        @options = options
        @terminal = terminal
        @admin = admin
      end

      private

      def admin = @admin ||= Admin.new
      def json? = @options[:json]

      def json(data, status = OK)
        @terminal.say JSON.pretty_generate(data)
        status
      end
    end
  end
end
