# frozen_string_literal: true

module Karafka
  # What librdkafka or a broker says, made clear for people: whom it is about, whether it lasts, and what to do. Consumers and
  # producers have it from here, so both say the same of the same trouble.
  # @api private
  class Diagnosis
    # @return [:brokers, :topic, :group, :client] whom it is about
    attr_reader :about
    # @return [String, nil] what to do; nil where that is not known
    attr_reader :advice

    # @param code [Symbol] librdkafka's name of the error, such as :ssl
    # @param text [String] librdkafka's words
    # @param kafka [Hash{Symbol=>Object}, Setup::KafkaSettings] settings of that client
    # @param topic [String, nil]
    # @param group [String, nil] group.id
    # @param writes [Boolean] by a producer
    # @param known [String, nil] advice for a connection that failed a short time ago
    # @return [Diagnosis]
    def self.of(code, text, kafka: {}, topic: nil, group: nil, writes: false, known: nil)
      return new(:brokers, Connections.advice(code, text.to_s, kafka, known), lasting: true) if Connections::CODES.include?(code)

      advice = Rights.advice(code, kafka, topic: topic, group: group, writes: writes)
      return new(Rights.about(code), advice, lasting: true) if advice

      new(Groups.about(code), Groups.advice(code, kafka, topic: topic, group: group), lasting: Groups::LASTING.include?(code))
    end

    # @param about [Symbol]
    # @param advice [String, nil]
    # @param lasting [Boolean]
    def initialize(about, advice, lasting: false)
      @about = about
      @advice = advice
      @lasting = lasting
    end

    # @return [Boolean] whether librdkafka repeats it until somebody does something
    def lasting?
      @lasting
    end

    # @param text [String] librdkafka's words
    # @return [String] with the advice
    def explain(text)
      # Its count of those that are down is of a moment later, and therefore often 0.
      text = text.sub(%r{\A\d+/\d+ brokers are down}, "all brokers are down")
      advice ? "#{text}: #{advice}" : text
    end
  end
end
