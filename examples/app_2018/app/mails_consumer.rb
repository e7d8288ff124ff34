# frozen_string_literal: true

# The next stage.
class MailsConsumer < Karafka::BaseConsumer
  def consume
    Output.write("mails", [{ "to" => params["to"], "topic" => params.topic }])
  end
end
