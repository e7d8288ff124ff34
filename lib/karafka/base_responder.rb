# frozen_string_literal: true

module Karafka
  # What an application answers to a message, declared and checked (Karafka 1.x). Everything `respond` hands over is kept
  # until it returns. Then it is checked against the declared topics, and sent in one go, or not at all.
  #
  # @example
  #   class VideosResponder < Karafka::BaseResponder
  #     topic :videos_transcoded
  #     topic :mails, required: false, multiple_usage: true, async: true
  #
  #     def respond(video)
  #       respond_to :videos_transcoded, video, key: video["id"]
  #       video["watchers"].each { |watcher| respond_to :mails, { to: watcher } }
  #     end
  #   end
  #
  #   VideosResponder.call({ "id" => "7", "watchers" => [] })
  class BaseResponder
    class << self
      # Declares a topic that {#respond_to} may use. Subclasses have it too, and may declare it anew.
      # @param name [Symbol, String] as the application calls it; `config.topic_mapper` makes Kafka's name of it
      # @option options [Boolean] :required (true) each call has to use it
      # @option options [Boolean] :multiple_usage (false) a call may use it more than once
      # @option options [Boolean] :async (false) true: do not wait for Kafka's answer
      # @option options [#call] :serializer takes the data, gives a String; default: `config.serializer`, else JSON
      # @return [void]
      # @raise [Errors::InvalidConfigurationError]
      def topic(name, **options)
        declared = Responders::Topic.new(name, options, self)
        own_topics[declared.name] = declared
      end

      # @return [Hash{String=>Responders::Topic}] declared here and in the classes above
      def topics
        superclass.respond_to?(:topics) ? superclass.topics.merge(own_topics) : own_topics.dup
      end

      # A check of the options of each `respond_to`, as 1.3 and 1.4 had it. Subclasses have it, too.
      # @return [#call, nil] takes the options, and gives a result with `success?` and `errors`
      attr_writer :options_contract

      # @return [#call, nil]
      def options_contract
        @options_contract || (superclass.options_contract if superclass.respond_to?(:options_contract))
      end

      # Responds outside of a consumer, with `Karafka.producer`.
      # @param data [Array<Object>] for {#respond}
      # @return [Array<WaterDrop::DeliveryHandle>] one for each message, in the order of {#respond_to}
      # @raise (see #call)
      def call(...)
        new.call(...)
      end

      private

      def own_topics
        @own_topics ||= {}
      end
    end

    # @api private
    # @param producer [WaterDrop::Producer]
    # @param serializer [#call, nil] of topics that declare none
    # @return [self]
    def karafka_use(producer, serializer)
      @karafka_producer = producer
      @karafka_serializer = serializer
      self
    end

    # @param data [Array<Object>] for {#respond}
    # @return [Array<WaterDrop::DeliveryHandle>] one for each message, in the order of {#respond_to}
    # @raise [Errors::InvalidResponderUsageError] nothing was sent
    # @raise [Errors::InvalidResponderMessageOptionsError] nothing was sent
    # @raise [Errors::SerializationError] nothing was sent
    # @raise [WaterDrop::Errors::ProduceError] not taken, or a topic that is not `async` did not get its messages
    def call(...)
      outer = @karafka_outbox
      outbox = @karafka_outbox = @karafka_last = Responders::Outbox.new(self.class, @karafka_serializer)
      respond(...)
      outbox.deliver(@karafka_producer || Karafka.producer)
    ensure
      @karafka_outbox = outer
    end

    # @return [Hash{String=>Array<Array(String, Hash)>}] by topic: payloads of the current call, or of the last one, with their options
    def messages_buffer
      @karafka_last&.to_h || {}
    end

    # What you define: calls {#respond_to} for each message.
    # @return [void]
    def respond(*)
      raise NotImplementedError, "#{self.class} needs a method respond, which calls respond_to for each message"
    end

    private

    # @param topic [Symbol, String] a declared one
    # @param data [Object] for the topic's serializer; without it the keywords are the data, as before Ruby 3
    # @param hash [Hash] the options, as 1.x took them
    # @option options [String] :key
    # @option options [Integer] :partition
    # @option options [String] :partition_key
    # @option options [Hash{String=>String, Array<String>, nil}] :headers
    # @option options [Time, Integer] :timestamp (1.x: :create_time)
    # @option options [Object] :label comes back with the delivery report
    # @return [void]
    # @raise [Errors::UnregisteredTopicError, Errors::TopicMultipleUsageError]
    # @raise [Errors::InvalidResponderMessageOptionsError]
    # @raise [Errors::SerializationError]
    def respond_to(topic, data = (no_data = true), hash = {}, **options)
      unless @karafka_outbox
        raise Errors::InvalidResponderUsageError, "#{self.class}: respond_to works within `respond` only; call #{self.class}.call(…)"
      end

      return @karafka_outbox.add(topic, data, hash.to_h.transform_keys(&:to_sym).merge(options)) unless no_data
      return @karafka_outbox.add(topic, options, {}) unless Responders::Outbox.options?(options)

      raise ArgumentError, "#{self.class}: respond_to #{topic.inspect} needs data before its options"
    end
  end
end
