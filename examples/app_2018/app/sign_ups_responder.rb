# frozen_string_literal: true

# What a sign-up leads to: always one mail.
class SignUpsResponder < Karafka::BaseResponder
  topic :mails

  def respond(sign_up)
    respond_to :mails, { to: sign_up["email"], text: "Welcome" }, partition_key: sign_up["email"]
  end
end
