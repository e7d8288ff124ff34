# frozen_string_literal: true

require "socket"

# Ports of 127.0.0.1 that nobody has. Not those that the system itself gives to whoever connects or asks for any port, as
# one of these may be gone before the server that it is for has started.
module FreePorts
  RANGE = 12_000...30_000

  # @param count [Integer]
  # @return [Integer] the first of that many in a row
  def self.row(count)
    random = Random.new
    loop do
      first = random.rand(RANGE)
      held = []
      count.times { |place| held << TCPServer.new("127.0.0.1", first + place) }
      return first
    rescue Errno::EADDRINUSE
      next
    ensure
      held&.each(&:close)
    end
  end

  # @param count [Integer]
  # @return [Array<Integer>] different ones
  def self.take(count = 1)
    random = Random.new
    held = []
    # Held open together, so that none is given twice.
    while held.size < count
      begin
        held << TCPServer.new("127.0.0.1", random.rand(RANGE))
      rescue Errno::EADDRINUSE
        next
      end
    end
    held.map { |server| server.addr[1] }
  ensure
    held&.each(&:close)
  end
end
