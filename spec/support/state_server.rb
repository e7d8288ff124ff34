# frozen_string_literal: true

require "json"
require "socket"

# Stands in for the HTTP server of a process: answers at a port, or at a socket, with what an example gives.
class StateServer
  # What is answered from now on: a Hash is a state, an Array a status and a body, :hang nothing.
  attr_accessor :answer
  # Heads of the requests that came.
  attr_reader :requests

  # @param answer [Hash, Array, Symbol, #call]
  # @param path [String, nil] of a socket
  def initialize(answer, path: nil)
    @answer = answer
    @requests = []
    @server = path ? UNIXServer.new(path) : TCPServer.new("127.0.0.1", 0)
    @connections = []
    @thread = Thread.new { serve }
    @thread.report_on_exception = false
  end

  def port = @server.addr[1]

  def address = "127.0.0.1:#{port}"

  def close
    @thread.kill.join
    [@server, *@connections].each(&:close)
  end

  private

  def serve
    loop do
      connection = @server.accept
      @connections << connection
      head = +""
      head << connection.readpartial(4_096) until head.end_with?("\r\n\r\n")
      @requests << head
      respond(connection, @answer.respond_to?(:call) ? @answer.call : @answer)
    rescue SystemCallError, EOFError
      next # The client has gone.
    end
  end

  def respond(connection, answer)
    return if answer == :hang

    status, body = answer.is_a?(Array) ? answer : [200, JSON.generate(answer)]
    connection.write("HTTP/1.1 #{status} Answer\r\nContent-Type: application/json\r\nContent-Length: #{body.bytesize}\r\n" \
                     "Connection: close\r\n\r\n#{body}")
    connection.close
  end
end
