# frozen_string_literal: true

# What a transcoded video leads to: one message of the result, and a mail where somebody wants one.
class VideosResponder < Karafka::BaseResponder
  topic :videos_transcoded, required: true
  topic :mails, required: false

  def respond(video)
    respond_to :videos_transcoded, { title: video["title"], format: "webm" }
    respond_to :mails, { to: video["owner"], text: "#{video["title"]} is ready" } if video["owner"]
  end
end
