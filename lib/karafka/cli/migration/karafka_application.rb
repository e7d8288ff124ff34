# frozen_string_literal: true

module Karafka
  module Cli
    module Migration
      # What can only be said of a Karafka application as a whole: names of groups, and defaults that were other ones. It depends on the
      # version that it was written for.
      class KarafkaApplication
        CONSUMER_GROUPS = "consumer_groups"
        GROUPS_CHANGED = "2.4"
        private_constant :CONSUMER_GROUPS, :GROUPS_CHANGED

        # @param version [String, nil] of the gem karafka
        # @param rules [KarafkaRules]
        # @param findings [Findings]
        # @param knowledge [Knowledge::Library]
        def initialize(version, rules, findings, knowledge = Knowledge.library("karafka"))
          @version = version
          @rules = rules
          @findings = findings
          @knowledge = knowledge
          @settings = {}
          @topics = []
          @params = []
          @within = Hash.new { |hash, block| hash[block] = [] }
          @setup = nil
        end

        # @param file [String]
        # @param use [RubyCode::Use]
        # @return [void]
        def read(file, use)
          case use.kind
          when :assignment then @rules.setting(use)&.then { |path| @settings[path] = use.arguments.first }
          when :call then read_call(file, use)
          end
        end

        # @return [void]
        def judge
          return if @setup.nil? && @topics.empty?

          groups
          params
          inline_mode if generation == :first
        end

        # @return [String] how the version begins
        def beginning = { first: "0.", second: "1.", third: "2." }.fetch(generation)

        # @return [:first, :second, :third] that of 2016, 1.x or 2.x, as the lock file or the Gemfile says, else as the code does
        def generation
          case @version
          when /\A0\./ then :first
          when /\A1\./ then :second
          when nil then guessed
          else :third
          end
        end

        private

        Topic = Struct.new(:file, :use, :block)
        private_constant :Topic

        def read_call(file, use)
          @setup ||= [file, use.line] if use.name == "setup" && use.block
          use.scope.blocks.each { |block| @within[block] << use.name }
          return @params << [file, use] if use.path == %w[params] && @rules.consumer?(use.scope.owner)

          layer, = @rules.layer(use)
          @topics << Topic.new(file, use, use.block) if layer && use.name == "topic"
        end

        def guessed
          return :second if @topics.any? { |topic| topic.use.scope.blocks.any? { |block| block.path.include?(CONSUMER_GROUPS) } }

          @topics.any? { |topic| @within[topic.block].include?("controller") } ? :first : :third
        end

        def add(file, line, subject, name)
          @findings.add(file, line, @knowledge, subject, @knowledge.entry("application", name))
        end

        def groups
          case generation
          when :first
            @topics.each { |topic| alone(topic, "topic_without_group_2016") unless @within[topic.block].include?("group") }
          when :second
            mapper("groups_of_1x")
            @topics.each { |topic| alone(topic, "topic_without_group") unless in_group?(topic) }
          else
            mapper("groups_before_2_4") if @version && ::Gem::Version.new(@version) < ::Gem::Version.new(GROUPS_CHANGED)
          end
        rescue ArgumentError
          nil # A version that is none says nothing.
        end

        def mapper(name)
          add(*@setup, "names of groups", name) unless @setup.nil? || @settings.key?(["consumer_mapper"])
        end

        def alone(topic, name)
          add(topic.file, topic.use.line, "topic #{topic.use.arguments.first.inspect}".sub(/#<Object.*/, ""), name)
        end

        def in_group?(topic) = topic.use.scope.blocks.any? { |block| block.path.last == "consumer_group" }

        # In 1.x `params` needed no setting, since `batch_consuming` was false by default.
        def params
          return if generation == :first || set?("batch_consuming")

          @params.each { |file, use| add(file, use.line, "params", "batch_consuming") }
        end

        def inline_mode
          add(*@setup, "inline_mode", "inline_mode") if @setup && !set?("inline_mode")
        end

        # For the application, or anywhere in the routes.
        def set?(name) = @settings.key?([name]) || @within.each_value.any? { |names| names.include?(name) }
      end
    end
  end
end
