# frozen_string_literal: true

require "net/http"

# Sends the requests of production to a staging application, at the rate that its route allows. Only those that change nothing.
class ReplayConsumer < Karafka::BaseConsumer
  STAGING = URI(ENV.fetch("STAGING_URL", "http://localhost:9393"))

  def consume
    lines = messages.filter_map(&:payload).select { |line| line.verb == "GET" }
    # One connection a batch. Where nobody answers it raises, and the batch comes again later.
    Net::HTTP.start(STAGING.host, STAGING.port) do |staging|
      lines.each { |line| staging.get(line.path, "User-Agent" => "log-drain replay") }
    end
  end
end
