# frozen_string_literal: true

module Karafka
  # Loads an application without Rails or Zeitwerk, as `karafka.rb` of 2016 and up to 1.2 has it. What others build on comes
  # first: files that are less deep, then by name.
  #
  # @example
  #   Karafka::Loader.load(Karafka::App.root)
  class Loader
    DIRECTORIES = %w[config/initializers lib app].freeze
    private_constant :DIRECTORIES

    class << self
      # @param root [String, Pathname] directory of the application
      # @return [void]
      # @raise [LoadError, NameError] of the files
      def load(root)
        DIRECTORIES.each { |directory| load!(File.join(root, directory)) }
      end

      # @param directory [String, Pathname] all in it, and below
      # @return [void]
      # @raise [LoadError, NameError] of the files
      def load!(directory)
        files = Dir.glob("**/*.rb", base: directory).sort_by { |file| [file.count("/"), file] }
        files.each { |file| require File.expand_path(file, directory) }
      end
    end

    # (see .load)
    def load(root) = self.class.load(root)
    # (see .load!)
    def load!(directory) = self.class.load!(directory)
  end
end
