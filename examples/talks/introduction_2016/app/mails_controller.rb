# frozen_string_literal: true

class MailsController < Karafka::BaseController
  def perform
    puts "mail to #{params["to"]}: #{params["text"]}"
  end
end
