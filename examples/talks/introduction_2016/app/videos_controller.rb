# frozen_string_literal: true

class VideosController < Karafka::BaseController
  # Runs in the server, before a job is made of it.
  before_enqueue { throw(:abort) if params["draft"] }

  # Runs in a worker.
  def perform
    raise ArgumentError, "no such format" unless params["format"] == "mp4"

    puts "transcoded #{params["title"]}"
    respond_with(params)
  end

  # Runs in a worker as well; then Sidekiq tries again.
  def after_failure
    puts "failed #{params["title"]}"
  end
end
