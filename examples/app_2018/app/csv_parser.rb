# frozen_string_literal: true

# A parser of Karafka 1.x: `parse` gets the payload, what it raises stops the partition.
class CsvParser
  FIELDS = %w[user page seconds].freeze

  def self.parse(content)
    values = content.split(",")
    raise ArgumentError, "#{values.size} fields instead of #{FIELDS.size}" unless values.size == FIELDS.size

    FIELDS.zip(values).to_h.merge("seconds" => Float(values.last))
  end
end
