# frozen_string_literal: true

# Messages that are written with the rows they tell of, in one transaction, and sent afterwards: a crash between the two loses none.
# At least once: where a sender is killed after Kafka has a message and before its row is deleted, the message is sent again.
class Outbox < ActiveRecord::Base
  self.table_name = "outbox"

  # Call it inside of the transaction.
  def self.add(topic:, payload:, key: nil)
    create!(topic: topic, payload: payload, key: key)
  end

  # Oldest first, up to `limit` rows. They are locked, so a second sender waits; where Kafka does not take all of them the rows stay.
  #
  # @return [Integer] how many were sent
  def self.send_batch(producer: Karafka.producer, limit: 500)
    transaction do
      rows = order(:id).limit(limit).lock.to_a
      producer.produce_many_sync(rows.map { |row| { topic: row.topic, key: row.key, payload: row.payload } }) if rows.any?
      where(id: rows.map(&:id)).delete_all
    end
  end

  # Until the process gets TERM or INT: `bin/rails runner Outbox.run`
  #
  # @param pause [Numeric] seconds to wait where there was nothing to send, or Kafka did not take it
  def self.run(pause: 0.5)
    stopped, stop = IO.pipe
    %w[TERM INT].each { |signal| trap(signal) { stop.write(".") } }
    nothing = false
    until stopped.wait_readable(nothing ? pause : 0)
      begin
        nothing = send_batch.zero?
      rescue WaterDrop::Errors::BaseError => e
        Karafka.logger.warn("the outbox is not sent: #{e.message}")
        nothing = true
      end
    end
  end
end
