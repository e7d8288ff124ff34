# frozen_string_literal: true

require "ostruct"

module Phobos
  # A configuration as nested objects: `Phobos.config.kafka.client_id`.
  class DeepStruct < OpenStruct # rubocop:disable Style/OpenStructUse -- phobos has it so, and it is for settings only
    # @param hash [Hash, nil]
    def initialize(hash = nil)
      super((hash || {}).transform_values { |value| nest(value) })
    end

    # @return [Hash{Symbol=>Object}] Hashes all the way down
    def to_hash
      to_h.transform_values { |value| plain(value) }
    end

    private

    def nest(value)
      case value
      when Hash then DeepStruct.new(value)
      when Array then value.map { |one| nest(one) }
      else value
      end
    end

    def plain(value)
      case value
      when DeepStruct then value.to_hash
      when Array then value.map { |one| plain(one) }
      else value
      end
    end
  end
end
