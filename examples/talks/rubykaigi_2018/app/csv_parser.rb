# frozen_string_literal: true

# Not everything is JSON. A parser gets the payload.
class CsvParser
  def self.parse(content)
    user, page = content.split(",", 2)
    { "user" => user, "page" => page }
  end
end
