# frozen_string_literal: true

module Karafka
  module Consumers
    # Responders of Karafka 1.x, from within a consumer.
    module Responding
      # Gives data to the responder of the topic, which sends messages with this consumer's {Producing#producer}.
      # @param data [Array<Object>] for the responder's `respond`
      # @return [Array<WaterDrop::DeliveryHandle>] one for each message
      # @raise [Errors::InvalidResponderUsageError] there is no responder, or it did not do what it declares
      # @raise (see BaseResponder#call)
      def respond_with(*data, **keywords)
        route = topic
        klass = route.responder || raise(Errors::InvalidResponderUsageError, karafka_no_responder)
        responder = klass.new.karafka_use(producer, route.serializer)
        return responder.call(*data, **keywords) unless Karafka.monitor.listening?("consumers.responders.respond_with")

        handles = nil
        payload = { caller: self, responder: klass, data: keywords.empty? ? data : [*data, keywords] }
        Instrumentation::Safely.around("consumers.responders.respond_with", payload) { handles = responder.call(*data, **keywords) }
        handles
      end

      private

      def karafka_no_responder
        name = Routing::ResponderLookup.name_for(self.class)
        "#{self.class} calls respond_with, but the topic #{topic.name} has no responder: set `responder SomeResponder` in its route" \
          "#{", or define the class #{name} < Karafka::BaseResponder" if name}."
      end
    end
  end
end
