# frozen_string_literal: true

# Gets one message at a time, and answers it with SignUpsResponder, which is found by its name.
class SignUpsConsumer < Karafka::BaseConsumer
  def consume
    Output.write("sign_ups", [{ "email" => params["email"], "key" => params.key }])
    respond_with(params.payload)
  end
end
