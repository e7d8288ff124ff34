# frozen_string_literal: true

require "json"
require "openssl"
require "socket"

# An OpenID provider in this process: `/token` for client credentials, `/keys` for the broker that checks the tokens.
class TokenProvider
  CLIENT = "orders-service"
  SECRET = "hush-hush"
  ALLOWED = "Basic #{["#{CLIENT}:#{SECRET}"].pack("m0")}".freeze

  # @return [Array<String>] what was asked of /token, oldest first
  attr_reader :requests
  # @return [Queue] [status, body] that are given instead, in turn
  attr_reader :answers

  # @return [String] without a signature, as a broker without a provider takes it
  def self.unsecured(subject, lifetime: 60)
    now = Time.now.to_i
    "#{segment({ alg: "none" })}.#{segment({ sub: subject, iat: now, exp: now + lifetime })}."
  end

  def self.segment(object) = [object.is_a?(String) ? object : JSON.generate(object)].pack("m0").tr("+/", "-_").delete("=")

  def initialize
    @key = OpenSSL::PKey::RSA.new(2048)
    @requests = []
    @answers = Queue.new
    @server = TCPServer.new("127.0.0.1", 0)
    @thread = Thread.new { loop { Thread.new(@server.accept) { |socket| answer(socket) } } }
  end

  def url(path) = "http://127.0.0.1:#{@server.addr[1]}/#{path}"

  def close
    @thread.kill
    @server.close
  end

  private

  def answer(socket)
    path = socket.gets.split[1]
    headers = {}
    while (line = socket.gets.strip) != ""
      name, value = line.split(": ", 2)
      headers[name.downcase] = value
    end
    body = socket.read(headers["content-length"].to_i)
    status, text = path == "/keys" ? ["200 OK", JSON.generate(keys)] : token(headers, body)
    socket.write("HTTP/1.1 #{status}\r\nContent-Type: application/json\r\nContent-Length: #{text.bytesize}\r\n" \
                 "Connection: close\r\n\r\n#{text}")
  ensure
    socket.close
  end

  def token(headers, body)
    @requests << body
    return @answers.pop unless @answers.empty?
    return ["200 OK", JSON.generate({ access_token: signed, expires_in: 60, token_type: "Bearer" })] if headers["authorization"] == ALLOWED

    ["401 Unauthorized", JSON.generate({ error: "invalid_client" })]
  end

  def signed
    now = Time.now.to_i
    head = self.class.segment({ alg: "RS256", kid: "one", typ: "JWT" })
    claims = self.class.segment({ sub: CLIENT, aud: "kafka", iss: url(""), scope: "produce", iat: now, exp: now + 60 })
    "#{head}.#{claims}.#{self.class.segment(@key.sign("SHA256", "#{head}.#{claims}"))}"
  end

  def keys
    part = ->(number) { self.class.segment(number.to_s(2)) }
    { keys: [{ kty: "RSA", kid: "one", use: "sig", alg: "RS256", n: part[@key.n], e: part[@key.e] }] }
  end
end
