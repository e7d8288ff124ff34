# frozen_string_literal: true

module Karafka
  module Routing
    # Finds the responder that belongs to a consumer by its name.
    module ResponderLookup
      SUFFIX = /\A(?!#)(?<own>.*)(?:Consumer|Controller)\z/
      private_constant :SUFFIX

      class << self
        # @param consumer [Class, nil] `VideosConsumer`, or a controller of 2016
        # @return [Class<BaseResponder>, nil] `VideosResponder`, where there is one, in the same namespace
        def for(consumer)
          name = name_for(consumer)
          # Asks before it loads: an error within an autoloaded file is then an error, not "there is none".
          return unless name && Object.const_defined?(name)

          found = Object.const_get(name)
          found if found.is_a?(Class) && found < BaseResponder
        end

        # @param consumer [Class, nil]
        # @return [String, nil] nil: its name does not end as those of consumers do
        def name_for(consumer)
          name = consumer&.name
          name.sub(SUFFIX, "\\k<own>Responder") if name&.match?(SUFFIX)
        end
      end
    end
  end
end
