# frozen_string_literal: true

require "json"
require "net/http"

# Asks the HTTP server of a process.
module HttpProbe
  Answer = Struct.new(:status, :body, :type, :seconds) do
    def json = JSON.parse(body)
  end

  module_function

  # @param base [String] "http://127.0.0.1:9394", or the path of a socket
  # @return [Answer]
  def get(base, path, headers = {})
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    response = base.start_with?("/") ? over_socket(base, path) : over_tcp(URI("#{base}#{path}"), headers)
    seconds = Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
    Answer.new(response.code.to_i, response.body, response["Content-Type"], seconds)
  end

  def over_tcp(uri, headers)
    Net::HTTP.start(uri.host, uri.port, open_timeout: 30, read_timeout: 30) do |http|
      http.request(Net::HTTP::Get.new(uri, headers))
    end
  end

  def over_socket(path, target)
    io = Net::BufferedIO.new(UNIXSocket.new(path), read_timeout: 30)
    Net::HTTP::Get.new(target, "Host" => "localhost", "Connection" => "close").exec(io, "1.1", target)
    Net::HTTPResponse.read_new(io).tap { |response| response.reading_body(io, true) { response.body } }
  ensure
    io&.close
  end

  # @param text [String] in the format 0.0.4
  # @return [Hash{String=>Float}] by name with labels
  def samples(text)
    text.lines.grep_v(/\A#/).to_h { |line| line.strip.match(/\A(\S+) (\S+)\z/).then { |match| [match[1], Float(match[2])] } }
  end
end
