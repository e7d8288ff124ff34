# frozen_string_literal: true

# Gets one message at a time.
class SignUpsConsumer < Karafka::BaseConsumer
  def consume
    Output.write("sign_ups", [{ "email" => params["email"], "key" => params.key }])
  end
end
