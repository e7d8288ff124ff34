# frozen_string_literal: true

require "set"

module Karafka
  module Routing
    # The routes of an application: its consumer groups, in the order they were drawn. `draw` adds to the routes that exist.
    class Builder
      include Enumerable
      include JobTopics

      # @return [Selection] what the command line leaves in
      attr_reader :selection
      # @return [Layer] settings of all topics
      attr_reader :defaults_layer

      def initialize
        clear
      end

      # @yield the routes
      # @return [self]
      # @raise [Errors::InvalidConfigurationError, Errors::UnsupportedFeatureError] none of its topics is drawn
      def draw(&block)
        raise ArgumentError, "draw takes the routes as a block" unless block

        all_or_none do
          @draws << block
          instance_eval(&block)
          topics.each { |topic| RetryTopic.draw(topic) }
          @groups.each_value(&:refresh)
          Contract.new(self).check!
          Features::Base.active.each { |feature| feature.check!(self) }
        end
        Compat::SidekiqBackend.watch if topics.any? { |topic| topic.backend == :sidekiq }
        self
      end

      # Forgets all routes and draws others, as {#draw} does.
      # @yield the routes
      # @return [self]
      # @raise [Errors::InvalidConfigurationError, Errors::UnsupportedFeatureError]
      def redraw(&block)
        raise ArgumentError, "redraw takes the routes as a block" unless block

        clear
        draw(&block)
      end

      # Draws the same routes again, with the settings as they are now.
      # @return [self]
      def reload
        draws = @draws
        clear
        draws.each { |block| draw(&block) }
        self
      end

      # @param group [ConsumerGroup] one that was made by hand; it replaces one of the same name
      # @return [self]
      def <<(group)
        Setup.invalid!("consumer_groups <<", group, "a Karafka::Routing::ConsumerGroup") unless group.is_a?(ConsumerGroup)
        @groups[group.name] = group
        self
      end

      # @return [Array<ConsumerGroup>] those that this process consumes
      def active
        select(&:active?)
      end

      # @param name [String, Symbol] one that was drawn before is opened again
      # @yield topics and settings of the group
      # @return [ConsumerGroup]
      def consumer_group(name, **settings, &block)
        group = (@groups[name.to_s] ||= ConsumerGroup.new(name, self))
        group.no_settings!(group.label, settings)
        group.read_routes(&block) if block
        group
      end

      # @param name [String, Symbol, Regexp] a topic of the group `config.group_id`
      # @yield the settings of the topic
      # @return [Topic]
      def topic(name, **settings, &)
        implicit_group.topic(name, **settings, &)
      end

      # @param name [String, Symbol, nil] free, for people
      # @param regexp [Regexp] topics of the group `config.group_id`
      # @return [Topic]
      def pattern(name, regexp = nil, &)
        implicit_group.pattern(name, regexp, &)
      end

      # @param name [String, Symbol, nil] a subscription group of the group `config.group_id`
      # @return [void]
      def subscription_group(name = nil, **settings, &)
        implicit_group.subscription_group(name, **settings, &)
      end

      # @yield settings that hold for every topic which does not set them
      # @return [void]
      def defaults(&)
        @defaults_layer.read_block(&)
      end

      # @yieldparam group [ConsumerGroup]
      # @return [Enumerator, self]
      def each(&block)
        return to_enum(:each) { size } unless block

        @groups.values.each(&block)
        self
      end

      # @return [Integer] number of consumer groups
      def size
        @groups.size
      end
      alias length size

      # @return [Boolean]
      def empty?
        @groups.empty?
      end

      # @param index [Integer]
      # @return [ConsumerGroup, nil]
      def [](index)
        @groups.values[index]
      end

      # @return [ConsumerGroup, nil]
      def last
        @groups.values.last
      end

      # @return [Array<Topic>] of all groups
      def topics
        @groups.values.flat_map(&:topics)
      end

      # @return [Array<SubscriptionGroup>] of all groups
      def subscription_groups
        @groups.values.flat_map(&:subscription_groups)
      end

      # @param text [String] logged the first time
      # @return [void]
      # @api private
      def warn_once(text)
        App.logger.warn(text) if @warned.add?(text)
      end

      # Forgets all routes.
      # @return [void]
      def clear
        @groups = {}
        @draws = []
        @warned = Set.new
        @selection = Selection.new
        @defaults_layer = Layer.new("defaults", ConfigDefaults)
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{@groups.keys.join(", ")}>"
      end

      private

      # In a console or a test what was refused is corrected and drawn again: what is left of it would come twice.
      def all_or_none
        groups = @groups.dup
        draws = @draws.dup
        known = Set.new.compare_by_identity.merge(topics)
        done = false
        yield
        done = true
      ensure
        unless done
          @groups = groups
          @draws = draws
          @groups.each_value { |group| group.keep(known) }
        end
      end

      def implicit_group
        consumer_group(App.config.group_id)
      end

      def respond_to_missing?(_name, _include_private = false)
        false
      end

      def method_missing(name, *values, **options)
        return super if name.start_with?("to_") || name.end_with?("?")
        raise NotYet.error(:group, name) if NotYet::GROUP.include?(name)

        known = %i[topic consumer_group subscription_group pattern defaults] + JobTopics.public_instance_methods + NotYet::GROUP
        Setup.unknown!("call in the routes", name, known, bare: values.empty? && options.empty? && !block_given?)
      end
    end
  end
end
