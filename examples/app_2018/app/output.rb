# frozen_string_literal: true

require "json"

# Where this example leaves its results: lines of JSON in the file APP_OUTPUT, else on standard output.
module Output
  LOCK = Mutex.new

  def self.write(kind, rows)
    lines = rows.map { |row| "#{JSON.generate({ "kind" => kind }.merge(row))}\n" }.join
    LOCK.synchronize { (path = ENV.fetch("APP_OUTPUT", nil)) ? File.write(path, lines, mode: "a") : $stdout.write(lines) }
  end
end
