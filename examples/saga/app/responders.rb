# frozen_string_literal: true

# How a step answers: each answer goes to the topic it names, under the id of its order.
class StepResponder < Karafka::BaseResponder
  def respond(answers)
    answers.each { |answer| respond_to answer["topic"], answer.except("topic"), key: answer["order"] }
  end
end

# Each step says where it may answer.
class OrdersResponder < StepResponder
  topic :payments, required: false, multiple_usage: true
  topic :shipments, required: false, multiple_usage: true
end

class PaymentsResponder < StepResponder
  topic :orders, required: false, multiple_usage: true
end

class ShipmentsResponder < StepResponder
  topic :orders, required: false, multiple_usage: true
end
