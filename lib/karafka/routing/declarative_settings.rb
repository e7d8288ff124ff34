# frozen_string_literal: true

module Karafka
  module Routing
    # Settings of a layer: how topics are to be created. In `defaults` for all that do not say it.
    module DeclarativeSettings
      # What `config` takes besides Kafka's own settings, nearly all of which have dots in their names.
      DECLARED = %i[active partitions replication_factor].freeze
      KAFKAS = /\.|\Apreallocate\z/
      private_constant :DECLARED, :KAFKAS

      # How a topic is to be created.
      Declaration = Struct.new(:active, :partitions, :replication_factor, :details, keyword_init: true) do
        # @return [Boolean] whether the topic is managed
        def active?
          active == true
        end
      end

      # How topics are to be created. What is left out has its default here, also where `defaults` says otherwise.
      # @option given [Boolean] :active (true) whether it is managed at all
      # @option given [Integer] :partitions (1)
      # @option given [Integer] :replication_factor (1)
      # @option given [Object] … any other: Kafka's own settings of the topic
      # @return [Declaration] without arguments: what was declared
      def config(**given)
        if given.empty?
          reading!(:config, "config partitions: 3, replication_factor: 2")
          return setting(:declaration) || Declaration.new(active: false)
        end

        no_others!(:config, given.keys.reject { |name| DECLARED.include?(name) || KAFKAS.match?(name) }, DECLARED)
        details = { active: true, partitions: 1, replication_factor: 1 }.merge(given)
        %i[partitions replication_factor].each { |name| Setup::Types::COUNT.check("#{@label} config #{name}", details[name]) }
        @own[:declaration] = Declaration.new(**details.slice(*Declaration.members), details: details.except(*Declaration.members))
      end

      # @return [Boolean] whether this place itself says that topics are managed
      def declared?
        @own[:declaration]&.active? || false
      end
    end
  end
end
