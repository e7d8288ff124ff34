# frozen_string_literal: true

module Karafka
  module Cli
    module Topics
      # What has to be done for the topics to be as they are declared. Plain data: {Plan.between} compares, nothing is asked.
      class Plan
        # A step that can be taken.
        # @!attribute kind [Symbol] :create, :repartition or :alter
        # @!attribute from [Integer, Hash, nil] what exists: partitions, or settings with their values
        # @!attribute to [Declaratives::Topic, Integer, Hash] what is declared
        Step = Struct.new(:kind, :topic, :from, :to, keyword_init: true)

        KEYS_MOVE = "messages that are sent from now on go to other partitions than earlier ones with the same key"

        # What exists, as far as a plan needs it.
        # @!attribute config [Hash{String=>String}] the values of settings
        Existing = Struct.new(:partitions, :replication_factor, :config, keyword_init: true)

        # @return [Array<Step>]
        attr_reader :steps
        # @return [Hash{String=>Array<String>}] by topic: what is different and cannot be changed here
        attr_reader :notes

        # @param declared [Hash{String=>Declaratives::Topic}]
        # @param existing [Hash{String=>Existing}]
        # @return [Plan]
        def self.between(declared, existing)
          steps = []
          notes = Hash.new { |hash, topic| hash[topic] = [] }
          declared.each do |topic, wanted|
            found = existing[topic]
            next steps << Step.new(kind: :create, topic: topic, from: nil, to: wanted) unless found

            steps.concat(differences(topic, wanted, found))
            notes[topic].concat(impossible(wanted, found))
          end
          new(steps, notes.reject { |_, texts| texts.empty? })
        end

        class << self
          private

          def differences(topic, wanted, found)
            steps = []
            if wanted.partitions > found.partitions
              steps << Step.new(kind: :repartition, topic: topic, from: found.partitions, to: wanted.partitions)
            end
            settings = wanted.details.to_h { |name, value| [name.to_s, value.to_s] }
                             .reject { |name, value| same?(found.config[name], value) }
            return steps if settings.empty?

            steps << Step.new(kind: :alter, topic: topic, from: found.config.slice(*settings.keys), to: settings)
          end

          # Kafka gives lists without spaces, and in the order in which they were set.
          def same?(found, wanted) = found == wanted || (found && found.split(",").map(&:strip).sort == wanted.split(",").map(&:strip).sort)

          def impossible(wanted, found)
            notes = []
            if wanted.partitions < found.partitions
              notes << "#{Amount.of(found.partitions, "partition")}, #{wanted.partitions} declared: Kafka cannot take partitions away. " \
                       "Declare #{found.partitions}, or delete and create the topic"
            end
            if wanted.replication_factor != found.replication_factor
              notes << "replication factor #{found.replication_factor}, #{wanted.replication_factor} declared: reassign its replicas " \
                       "with Kafka's own tool; `Karafka::Admin::Replication.plan` writes its file"
            end
            notes
          end
        end

        # @param steps [Array<Step>]
        # @param notes [Hash{String=>Array<String>}]
        def initialize(steps, notes = {})
          @steps = steps
          @notes = notes
        end

        # @param kinds [Array<Symbol>]
        # @return [Plan] only steps of these kinds
        def only(*kinds) = Plan.new(@steps.select { |step| kinds.include?(step.kind) }, @notes)

        # @return [Boolean] whether there is nothing to do
        def empty? = @steps.empty?

        # As a diff: + is created, ~ is changed.
        # @return [Array<Array(Symbol, String)>] colour and line
        def lines
          @steps.flat_map { |step| send(step.kind, step) } +
            @notes.flat_map { |topic, texts| texts.map { |text| [:yellow, "! #{topic}: #{text}"] } }
        end

        # @return [Hash] for programs
        def to_h
          { changes: @steps.map { |step| { kind: step.kind, topic: step.topic, from: step.from, to: plain(step.to) } }, notes: @notes }
        end

        private

        def plain(value) = value.is_a?(Declaratives::Topic) ? value.to_h.except(:active) : value

        def create(step)
          declared = step.to
          [[:green, "+ #{step.topic}"], [:green, "    partitions: #{declared.partitions}"],
           [:green, "    replication factor: #{declared.replication_factor}"],
           *declared.details.map { |name, value| [:green, "    #{name}: #{value}"] }]
        end

        def repartition(step)
          [[:yellow, "~ #{step.topic}"], [:yellow, "    partitions: #{step.from} -> #{step.to} (#{KEYS_MOVE})"]]
        end

        def alter(step)
          [[:yellow, "~ #{step.topic}"],
           *step.to.map { |name, value| [:yellow, "    #{name}: #{step.from[name] || "not set"} -> #{value}"] }]
        end
      end
    end
  end
end
