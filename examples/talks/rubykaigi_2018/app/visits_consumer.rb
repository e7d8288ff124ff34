# frozen_string_literal: true

# One instance serves a partition for as long as it is here, so it can count over batches.
class VisitsConsumer < Karafka::BaseConsumer
  def consume
    @visits ||= Hash.new(0)
    params_batch.each { |params| @visits[params["page"]] += 1 }
    puts "visits of partition #{params_batch.first.partition}: #{@visits.map { |page, count| "#{page} #{count}" }.join(", ")}"
  end
end
