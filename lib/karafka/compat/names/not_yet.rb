# frozen_string_literal: true

module Karafka
  # What Karafka's surface has and this version has not. Using it raises {Errors::UnsupportedFeatureError}; nothing is
  # accepted and ignored. The one place: whoever builds a feature deletes its entry here.
  module NotYet
    # Settings of a topic, as methods in its block.
    TOPIC = %i[
      deserializing
      manual_offset_management_strategy scheduled_messages
      adaptive_iterator delegate_to
    ].freeze

    # Methods of the routes, of a consumer group and of a subscription group, and options of the latter.
    GROUP = %i[
      recurring_tasks scheduled_messages parallel_segments
    ].freeze

    # Settings of the application.
    CONFIG = %i[encryption recurring_tasks scheduled_messages].freeze

    # Constants, and what to do instead.
    CONSTANTS = {
      Pro: "The features of Karafka Pro have no namespace of their own here: `parallel`, `throttle`, `delay_by`, `expire_after`, `only`, " \
           "`messages.each(clean: true)` and so on are part of this gem.",
      Web: "The gem karafka-web works with the gem karafka only; remove it.",
      CodeReloader: "Rails reloads code by itself; without Rails restart the process."
    }.freeze

    # What to do instead, where there is something.
    HINTS = {
      deserializing: "Payloads are decoded when they are read; `messages.deserialize!` decodes a whole batch.",
      delegate_to: "Let the consumer call the other class.",
      adaptive_iterator: "Slow batches cost no rebalance here, so `messages.each` will do; `each(clean: true)` lets memory go.",
      manual_offset_management_strategy: "`manual_offset_management true`, and mark what is done.",
      parallel_segments: "`parallel by: :key` gives one partition many threads; more processes need more partitions.",
      encryption: "Encrypt in a middleware of the producer, and decrypt in a deserializer.",
      recurring_tasks: "Let cron produce a message.",
      scheduled_messages: "`delay_by` on the topic holds messages back."
    }.freeze
    private_constant :HINTS

    # @param name [Symbol] one of {CONSTANTS}
    # @return [Errors::UnsupportedFeatureError]
    def self.constant(name)
      Errors::UnsupportedFeatureError.for("Karafka::#{name}", CONSTANTS.fetch(name))
    end

    # @param kind [:topic, :group, :config]
    # @param name [Symbol, String]
    # @return [Errors::UnsupportedFeatureError]
    def self.error(kind, name)
      what = case kind
             when :topic then "The topic setting `#{name}`"
             when :group then "The routing setting `#{name}`"
             when :config then "The setting `config.#{name}`"
             end
      Errors::UnsupportedFeatureError.for(what, HINTS[name.to_sym])
    end
  end
end
