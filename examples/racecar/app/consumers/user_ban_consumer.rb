# frozen_string_literal: true

require "json"

# Writes to a mail topic what happened to whom.
class UserBanConsumer < Racecar::Consumer
  subscribes_to "user_banned"

  def initialize
    super
    @banned = 0
  end

  def process(message)
    user = JSON.parse(message.value).fetch("user_id")
    @banned += 1
    produce(JSON.generate(to: user, text: "You are banned"), topic: "mails", key: user.to_s)
  end

  def teardown
    Racecar.logger.info("#{@banned} users were banned")
  end
end
