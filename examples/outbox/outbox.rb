# frozen_string_literal: true

# Messages that are written with the rows they tell of, in one transaction, and sent afterwards: a crash between the two loses none.
# At least once: where a sender is killed after Kafka has a message and before its row is deleted, the message is sent again.
class Outbox < ActiveRecord::Base
  self.table_name = "outbox"

  # What Kafka can never take is refused while it can be mended.
  validates :topic, format: /\A[\w.-]{1,249}\z/

  # Call it inside of the transaction.
  def self.add(topic:, payload:, key: nil)
    create!(topic: topic, payload: payload, key: key)
  end

  # Oldest first, up to `limit` rows. They are locked, so a second sender waits. A row that Kafka does not take stays, and neither holds
  # up nor repeats the others.
  #
  # @return [Integer] how many were sent
  def self.send_batch(producer: Karafka.producer, limit: 500)
    errors = {}
    transaction do
      handles = order(:id).limit(limit).lock.to_h do |row|
        [row.id, attempt(row.id, errors) { producer.produce_async(topic: row.topic, key: row.key, payload: row.payload) }]
      end
      sent = handles.select { |id, handle| handle && attempt(id, errors) { handle.wait } }
      where(id: sent.keys).delete_all
    end
  ensure
    id, message = errors.first
    Karafka.logger.warn("rows that stay in the outbox: #{errors.size}, the first is #{id}: #{message}") if id
  end

  # @return [Object, nil] nil: it failed
  def self.attempt(id, errors)
    yield
  rescue WaterDrop::Errors::BaseError => e
    errors[id] = e.message
    nil
  end
  private_class_method :attempt

  # Until the process gets TERM or INT: `bin/rails runner Outbox.run`
  #
  # @param pause [Numeric] seconds to wait where there was nothing to send, or Kafka did not take it
  def self.run(pause: 0.5)
    stopped, stop = IO.pipe
    %w[TERM INT].each { |signal| trap(signal) { stop.write(".") } }
    nothing = false
    nothing = send_batch.zero? until stopped.wait_readable(nothing ? pause : 0)
  end
end
