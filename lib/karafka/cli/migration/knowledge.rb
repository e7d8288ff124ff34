# frozen_string_literal: true

require "yaml"

module Karafka
  module Cli
    module Migration
      # The table `knowledge.yml`: what is known of each library, by the kind of thing that an application uses.
      module Knowledge
        FILE = File.expand_path("knowledge.yml", __dir__)
        VERDICTS = { "works" => :works, "changes" => :changes, "do" => :do }.freeze
        # What code for that library finds here: `verdict`, one of {VERDICTS}, and a text, which may be nil.
        Entry = Struct.new(:verdict, :text)

        # A library and its entries.
        class Library
          # @return [String]
          attr_reader :name

          # @param name [String]
          # @param data [Hash{String=>Object}]
          def initialize(name, data)
            @name = name
            @data = data
          end

          # @return [String]
          def gem = @data.fetch("gem")
          # @return [String] what replaces `require "GEM"` in the Gemfile
          def entry_point = @data.fetch("entry")
          # @return [String, nil] the constant that holds all others
          def root = @data["root"]
          # @return [String, nil] how its environment variables begin
          def prefix = @data["prefix"]
          # @return [String, nil] which releases the names are of
          def generation = @data["generation"]
          # @return [String, nil] the class that consumers inherit from
          def base = @data["base"]
          # @return [Array<String>] modules that consumers include
          def includes = words("includes")
          # @return [Array<String>] names of all settings
          def known = words("known")
          # @return [Array<String>] what {#root} itself answers to; none: nothing is known
          def module_methods = words("module_methods")
          # @return [Array<String>] calls whose options are settings
          def option_calls = words("option_calls")
          # @return [Hash{String=>String}] its configuration files, and how their keys are arranged
          def files = @data.fetch("files", {})

          # @param version [String, nil]
          # @return [String] of the documentation
          def page(version = nil)
            @data.fetch("pages", {}).find { |beginning, _| version.to_s.start_with?(beginning) }&.last || @data.fetch("page")
          end

          # @param section [String]
          # @param name [String]
          # @return [Entry, nil]
          def entry(section, name)
            text = @data.fetch(section, {})[name]
            text && Knowledge.entry(text)
          end

          # @param name [String] of a constant
          # @return [Entry, nil] what is known of it, or of a module that it is in: that holds for all in it
          def constant(name)
            parts = name.split("::")
            parts.size.downto(1).filter_map { |size| entry("constants", parts.first(size).join("::")) }.first
          end

          # @param name [String] of a setting, which may be none of the library's
          # @param value [Object]
          # @return [Entry] what is known of it
          def judge(name, value = nil)
            setting(name, value) || (known.include?(name) ? Knowledge.entry("works") : Knowledge.entry(@data.fetch("unknown")))
          end

          # @param section [String]
          # @return [Array<String>]
          def names(section) = @data.fetch(section, {}).keys

          # @param setting [String]
          # @param value [Object]
          # @return [Entry, nil] that of the value, else that of the setting
          def setting(setting, value = nil)
            of_value = @data.dig("values", setting)
            text = of_value[value] if of_value.is_a?(Hash)
            text ? Knowledge.entry(text) : entry("settings", setting)
          end

          # @param section [String] whose names are patterns
          # @return [Array<Array(Regexp, Entry)>]
          def patterns(section)
            @data.fetch(section, {}).map { |pattern, text| [Regexp.new(pattern), Knowledge.entry(text)] }
          end

          private

          def words(key) = @data[key].to_s.split
        end

        class << self
          # @return [Array<Library>]
          def libraries
            @libraries ||= table.except("gems").map { |name, data| Library.new(name, data) }.freeze
          end

          # @param name [String]
          # @return [Library]
          def library(name) = libraries.find { |one| one.name == name }

          # @return [Hash{String=>Entry}] gems that go with the libraries
          def gems
            @gems ||= table.fetch("gems").transform_values { |text| entry(text) }.freeze
          end

          # @param text [String] "verdict: text"
          # @return [Entry]
          def entry(text)
            verdict, more = text.split(": ", 2)
            Entry.new(VERDICTS.fetch(verdict), more)
          end

          private

          def table = @table ||= YAML.safe_load_file(FILE)
        end
      end
    end
  end
end
