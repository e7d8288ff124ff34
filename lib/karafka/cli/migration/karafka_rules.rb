# frozen_string_literal: true

module Karafka
  module Cli
    module Migration
      # What is Karafka's in an application: settings, routes, events and constants, by the code that takes them, and what changes its
      # meaning by the table.
      class KarafkaRules
        APP = "Karafka::App"
        # What opens the routes, and what opens a part of them.
        DRAWS = [%w[routes draw], %w[consumer_groups draw], %w[routes redraw]].freeze
        LAYERS = {
          "topic" => :topic, "pattern" => :topic, "active_job_topic" => :topic, "active_job_pattern" => :topic,
          "consumer_group" => :group, "subscription_group" => :group, "defaults" => :topic
        }.freeze
        # Consumers of each generation.
        BASES = %w[Karafka::BaseConsumer Karafka::BaseController Karafka::Consumers::Controller Karafka::ActiveJob::Consumer].freeze
        private_constant :APP, :DRAWS, :LAYERS, :BASES

        # @param classes [Classes]
        # @param findings [Findings]
        # @param knowledge [Knowledge::Library]
        def initialize(classes, findings, knowledge = Knowledge.library("karafka"))
          @classes = classes
          @findings = findings
          @knowledge = knowledge
        end

        # @param file [String]
        # @param use [RubyCode::Use]
        # @return [void]
        def apply(file, use)
          case use.kind
          when :assignment then assignment(file, use)
          when :call then call(file, use)
          when :constant then constant(file, use)
          when :definition then consumer(file, use, "definitions", use.name, "def #{use.name}")
          end
        end

        # @param use [RubyCode::Use]
        # @return [Array<String>, nil] the setting that is assigned, such as ["kafka", "session_timeout"]; nil: it is none
        def setting(use)
          path = use.path
          at = path.index("setup") || (path.index("config") if path.size > 2)
          return if at.nil? || at + 1 >= path.size

          path.drop(at + 1) if application?(path.first(at), use.scope)
        end

        # @param use [RubyCode::Use]
        # @return [Array(Symbol, RubyCode::Block), nil] the part of the routes it stands in, and its block
        def layer(use)
          blocks = use.scope.blocks
          draw = blocks.rindex { |block| DRAWS.include?(block.path.last(2)) } or return
          block = blocks.drop(draw + 1).reverse.find { |one| LAYERS.key?(one.path.last) }
          # A block of something else, such as the one that finds partitions.
          return if blocks.drop(draw + 1).any? { |one| !LAYERS.key?(one.path.last) && one.path.last != "each" }

          [block ? LAYERS.fetch(block.path.last) : :routes, block]
        end

        # @param owner [String, nil]
        # @return [Boolean] whether it is a consumer
        def consumer?(owner) = !owner.nil? && BASES.any? { |base| @classes.below?(owner, base) }

        private

        def application?(path, scope)
          path.empty? ? @classes.below?(scope.owner, APP) : path.size == 1 && @classes.below?(path[0], APP)
        end

        def add(file, use, subject, entry) = @findings.add(file, use.line, @knowledge, subject, entry)
        def refused(text) = Knowledge::Entry.new(:do, text)
        def works = Knowledge::Entry.new(:works)

        def assignment(file, use)
          path = setting(use)
          return consumer(file, use, "own_calls", "#{use.full}=", "#{use.full} =") if path.nil?

          # Those of a producer are {WaterDropRules}'s.
          return if path[0] == "producer" && path.size > 1

          value = use.arguments.first
          return settings_of_librdkafka(file, use, value) if path == ["kafka"] && value.is_a?(Hash)

          judge(file, use, path, value)
        end

        def settings_of_librdkafka(file, use, settings)
          settings.each { |name, value| judge(file, use, ["kafka", name.to_s], value) unless name == Literals::UNKNOWN }
        end

        def judge(file, use, path, value)
          problem = Trial.setting(path, value)
          add(file, use, "config.#{path.join(".")}", problem ? refused(problem) : @knowledge.entry("settings", path.join(".")) || works)
        end

        def call(file, use)
          return required(file, use) if use.path == ["require"]
          return event(file, use) if use.name == "subscribe" && use.path.include?("monitor") && use.path.first != "producer"
          return consumer(file, use, "own_calls", use.name, use.name) if use.path.size == 1 && consumer?(use.scope.owner)

          part = layer(use)
          route(file, use, *part) if part && own?(use, part.last)
        end

        def required(file, use)
          name = use.arguments.first
          entry = @knowledge.entry("requires", name) if name.is_a?(String)
          add(file, use, "require #{name.inspect}", entry) if entry
        end

        # Called on the part of the routes itself: without a receiver, or on the parameter of its block.
        def own?(use, block)
          return use.path[0...-1] == block&.path if use.path.size > 1

          !@classes.method?(use.name) && !Kernel.private_method_defined?(use.name)
        end

        def route(file, use, layer, block)
          label = block&.argument.is_a?(String) || block&.argument.is_a?(Symbol) ? block.argument.to_s : "NAME"
          problem = Trial.route(layer, label, use.name, use.arguments, use.options)
          problem = nil if own_features?
          add(file, use, use.name, problem ? refused(problem) : @knowledge.entry("settings", use.name) || works)
        end

        # Routing features of the application's own add names that nobody here knows.
        def own_features? = @classes.any_below?("Karafka::Routing::Features::Base")

        def event(file, use)
          name = use.arguments.first
          return unless name.is_a?(String)

          add(file, use, "event #{name}", event_entry(name))
        end

        def event_entry(name)
          return works if Instrumentation::Events::EMITTED.key?(name)
          return Knowledge::Entry.new(:changes, Compat::EventNames.instead(name)) if Compat::EventNames::MAPPED.key?(name)
          return refused(Compat::EventNames.instead(name)) if Compat::EventNames::FORMER.key?(name)

          refused("there is no such event, unless the application registers it")
        end

        def consumer(file, use, section, name, subject)
          entry = @knowledge.entry(section, name)
          add(file, use, subject, entry) if entry && consumer?(use.scope.owner)
        end

        def constant(file, use)
          return unless use.name.match?(/\A(Karafka|WaterDrop)::/) && !@classes.defined?(use.name)

          add(file, use, use.name, @knowledge.constant(use.name) || missing(use.name)&.then { |problem| refused(problem) } || works)
        end

        def missing(name)
          Object.const_get(name)
          nil
        rescue Errors::UnsupportedFeatureError => e
          e.message
        rescue NameError => e
          "there is no #{name} here#{e.respond_to?(:corrections) && e.corrections.any? ? ", but #{e.corrections.first}" : ""}"
        rescue LoadError
          nil # It needs a gem that is not installed here.
        end
      end
    end
  end
end
