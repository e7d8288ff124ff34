# frozen_string_literal: true

# A step of the saga. A batch is one transaction of the database and one call of the responder, in this order. Wherever the
# process dies, the batch comes again, and then:
#   before the commit of the database: nothing was done
#   after it: `processed` knows each message and its answers, so they are sent (again) and nothing else is done
# The next step may get an answer twice. It knows the message's id as well.
class StepConsumer < Karafka::BaseConsumer
  # One connection for as long as the partition stays here.
  def initialized
    Database.migrate
    @database = Database.new
  end

  def consume
    answers = @database.transaction { messages.flat_map { |message| once(message.payload) } }
    respond_with(answers)
  end

  def revoked = @database.close
  def shutdown = @database.close

  private

  # @return [Array<Hash>] answers: what this step sends for the message
  def once(message)
    step = self.class.name
    known = @database.query("INSERT INTO processed (step, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1",
                            step, message["id"]).empty?
    if known
      rows = @database.query("SELECT answers FROM processed WHERE step = $1 AND message_id = $2", step, message["id"])
      return JSON.parse(rows.first["answers"])
    end

    answers = handle(message)
    @database.query("UPDATE processed SET answers = $3 WHERE step = $1 AND message_id = $2", step, message["id"], JSON.generate(answers))
    answers
  end

  # The id of an answer follows from what it answers to, so it is the same each time.
  def answer(topic, message, type)
    [{ "topic" => topic, "id" => "#{message["order"]}:#{type}", "order" => message["order"], "type" => type,
       "amount" => message["amount"] }]
  end
end
