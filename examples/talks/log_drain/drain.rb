# frozen_string_literal: true

require "sinatra/base"
require_relative "karafka"
require_relative "app/logplex"

# Takes the logs of other applications, and answers once Kafka has them: whoever sends tries again after an error.
class Drain < Sinatra::Base
  use Rack::Auth::Basic do |_user, password|
    Rack::Utils.secure_compare(password, ENV.fetch("DRAIN_PASSWORD"))
  end

  post "/logs" do
    requests = Logplex.lines(request.body.read).select { |line| RouterLine.parse(line) }
    source = request.env["HTTP_LOGPLEX_DRAIN_TOKEN"]
    Karafka.producer.produce_many_sync(requests.map { |line| { topic: "requests", key: source, payload: line } }) if requests.any?
    204
  rescue Logplex::Malformed => e
    halt 400, "#{e.message}\n"
  rescue WaterDrop::Errors::ProduceError => e
    halt 503, "#{e.message}\n"
  end
end
