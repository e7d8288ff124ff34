# frozen_string_literal: true

# Collects rows over many batches and writes them in one INSERT. Only what is written is marked, so whatever happens in
# between (a crash, a rebalance) the rows come again; the primary key makes writing them twice harmless.
class PageViewsConsumer < Karafka::BaseConsumer
  FLUSH_ROWS = Integer(ENV.fetch("FLUSH_ROWS", "1000"))

  def initialized
    @buffer = []
  end

  def consume
    # A batch that comes again after an error brings back what was collected of it.
    @buffer.reject! { |message| message.offset >= messages.first.offset }
    messages.each do |message|
      @buffer << message
      flush if @buffer.size >= FLUSH_ROWS
    end
  end

  # Nothing came for a while: what is there should not wait.
  def idle = flush

  def shutdown = flush

  # The next owner gets what is not committed. Writing it here, too, saves nothing but harms nothing.
  def revoked = flush

  private

  def flush
    return if @buffer.empty?

    Database.insert(@buffer.map { |message| [message.partition, message.offset, *message.payload.values_at("user", "page")] })
    mark_as_consumed(@buffer.last)
    @buffer.clear
  end
end
