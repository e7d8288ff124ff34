# frozen_string_literal: true

# What an HTTP drain gets: syslog messages, each behind its length (RFC 6587).
#   66 <158>1 2016-09-23T10:00:00+00:00 host heroku router - at=info …
module Logplex
  Malformed = Class.new(StandardError)

  # @param body [String]
  # @return [Array<String>] without length and priority
  # @raise [Malformed]
  def self.lines(body)
    rest = body.b
    lines = []
    until rest.empty?
      length = rest[/\A\d+(?= )/] or raise Malformed, "a length should stand before #{rest[0, 20].inspect}"
      line = rest.byteslice(length.size + 1, length.to_i)
      raise Malformed, "#{length} bytes should follow, but #{line.to_s.bytesize} do" unless line.to_s.bytesize == length.to_i

      lines << line.sub(/\A<\d+>\d* /, "").chomp.force_encoding(Encoding::UTF_8)
      rest = rest.byteslice((length.size + 1 + length.to_i)..)
    end
    lines
  end
end
