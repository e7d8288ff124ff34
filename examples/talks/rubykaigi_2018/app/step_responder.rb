# frozen_string_literal: true

# How steps answer: under the number of the order. What each of them may answer to is declared below, and `karafka flow` draws it.
class StepResponder < Karafka::BaseResponder
  def respond((topic, message))
    respond_to topic, message, partition_key: message["order"]
  end
end

class OrdersResponder < StepResponder
  topic :payments, required: false
  topic :parcels, required: false
end

class PaymentsResponder < StepResponder
  topic :orders
end

class ParcelsResponder < StepResponder
  topic :orders
end
