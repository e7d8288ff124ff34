# frozen_string_literal: true

require "zlib"

# What is between server and worker: Redis keeps little of a message. `load` runs in the server, `parse` in the worker.
class CompactInterchanger
  def self.load(params)
    [Zlib.deflate(params.to_json)].pack("m0")
  end

  def self.parse(text)
    JSON.parse(Zlib.inflate(text.unpack1("m0")))
  end
end
