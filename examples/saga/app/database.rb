# frozen_string_literal: true

require "json"
require "pg"

# One connection, for one consumer.
class Database
  # Several consumers begin at once, in several processes.
  SCHEMA_LOCK = 7_301

  def self.migrate
    database = new
    database.transaction do
      database.query("SELECT pg_advisory_xact_lock($1)", SCHEMA_LOCK)
      database.run(File.read(File.expand_path("../schema.sql", __dir__)))
    end
  ensure
    database&.close
  end

  def initialize
    @connection = PG.connect(ENV.fetch("DATABASE_URL", "postgres:///saga"))
    run("SET client_min_messages TO warning")
  end

  # What raises within is rolled back, and a connection that broke is made anew for the next try.
  def transaction(&)
    @connection.transaction(&)
  rescue PG::Error
    @connection.reset unless @connection.finished? || @connection.status == PG::CONNECTION_OK
    raise
  end

  # @return [Array<Hash{String=>String, nil}>]
  def query(sql, *values)
    @connection.exec_params(sql, values).to_a
  end

  def run(sql)
    @connection.exec(sql)
  end

  def close
    @connection.close unless @connection.finished?
  end
end
