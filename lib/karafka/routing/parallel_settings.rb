# frozen_string_literal: true

module Karafka
  module Routing
    # Settings of a layer: several batches of one partition at once, and what is committed for them.
    module ParallelSettings
      # How what is committed beside an offset is read.
      OffsetMetadata = Struct.new(:cache, :deserializer)

      # How far the messages of one partition may be processed at once.
      # @param by [:partition, :key, :none, #call] what keeps its order: all messages, those of one key, none, or those for
      #   which the block gives the same
      # @param limit [Integer, nil] how many batches of one partition at once, 1 to 1000; nil: `concurrency`
      # @return [Parallel, nil] without arguments: what holds here; nil: one batch at a time
      # @raise [Errors::InvalidConfigurationError]
      def parallel(*others, by: UNSET, limit: nil, **unknown)
        no_others!(:parallel, unknown.keys, %i[by limit])
        Setup.invalid!("#{@label} parallel", others.first, "given as by: :key, limit: 50") if others.any?
        if UNSET.equal?(by) && limit.nil?
          reading!(:parallel, "parallel by: :key, limit: 50")
          return setting(:parallel)
        end

        Setup.invalid!("#{@label} parallel by", nil, "given together with a limit, such as by: :key") if UNSET.equal?(by)
        @own[:parallel] = Parallel.build("#{@label} parallel", by, limit)
      end

      # Karafka's name for {#parallel} by a block.
      # @param partitioner [#call]
      # @param max_partitions [Integer, nil]
      # @param offset_metadata_strategy [:current] what was given last is committed
      # @param reducer [#call, nil] takes what the partitioner gives; messages for which it gives the same keep their order
      # @param distribution [:balanced] one key's messages stay in order, but may go to another instance later
      # @return [Parallel]
      # @raise [Errors::InvalidConfigurationError, Errors::UnsupportedFeatureError]
      def virtual_partitions(partitioner: nil, max_partitions: nil, offset_metadata_strategy: :current, reducer: nil,
                             distribution: :balanced, **unknown)
        no_others!(:virtual_partitions, unknown.keys, %i[partitioner max_partitions offset_metadata_strategy reducer distribution])
        only!(:offset_metadata_strategy, offset_metadata_strategy, :current, "what was given last is committed")
        only!(:distribution, distribution, :balanced, "the order of each key holds, but a key is not tied to one instance")
        Setup::Types::CALLABLE.check("#{@label} virtual_partitions partitioner", partitioner)
        Setup::Types::CALLABLE.check("#{@label} virtual_partitions reducer", reducer) unless reducer.nil?
        parallel(by: reducer ? ->(message) { reducer.call(partitioner.call(message)) } : partitioner, limit: max_partitions)
      end

      # How a consumer's {Consumers::Offsets#offset_metadata} reads what is committed beside the offset.
      # @param cache [Boolean] whether it asks the broker once for each assignment
      # @param deserializer [#call] takes the text
      # @return [OffsetMetadata] without arguments: what holds here
      def offset_metadata(cache: UNSET, deserializer: UNSET, **unknown)
        no_others!(:offset_metadata, unknown.keys, %i[cache deserializer])
        held = setting(:offset_metadata)
        if UNSET.equal?(cache) && UNSET.equal?(deserializer)
          reading!(:offset_metadata, "offset_metadata cache: false")
          return held
        end

        cache = UNSET.equal?(cache) ? held.cache : Setup::Types::BOOLEAN.check("#{@label} offset_metadata cache", cache)
        deserializer = held.deserializer if UNSET.equal?(deserializer)
        Setup::Types::CALLABLE.check("#{@label} offset_metadata deserializer", deserializer)
        @own[:offset_metadata] = OffsetMetadata.new(cache, deserializer)
      end

      private

      def only!(option, given, possible, why)
        return if given == possible

        raise Errors::UnsupportedFeatureError.for(
          "virtual_partitions with #{option} #{given.inspect}", "It is #{possible.inspect}: #{why}."
        )
      end
    end
  end
end
