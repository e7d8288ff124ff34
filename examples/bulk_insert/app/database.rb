# frozen_string_literal: true

require "pg"

# One connection for each thread that writes.
module Database
  INSERT = <<~SQL
    INSERT INTO page_views (kafka_partition, kafka_offset, visitor, page)
    SELECT * FROM unnest($1::int[], $2::bigint[], $3::text[], $4::text[])
    ON CONFLICT DO NOTHING
  SQL

  # @param rows [Array<Array>] partition, offset, visitor, page
  def self.insert(rows)
    connection = Thread.current.thread_variable_get(:database) || connect
    connection.exec_params(INSERT, rows.transpose.map { |column| ARRAY.encode(column) })
  rescue PG::ConnectionBad, PG::UnableToSend
    # The next attempt connects again.
    Thread.current.thread_variable_set(:database, nil)
    raise
  end

  ARRAY = PG::TextEncoder::Array.new
  private_constant :INSERT, :ARRAY

  def self.connect
    PG.connect(ENV.fetch("DATABASE_URL")).tap { |connection| Thread.current.thread_variable_set(:database, connection) }
  end
  private_class_method :connect
end
