# frozen_string_literal: true

# Buffers what it gets, and writes and marks it in larger portions. One instance serves a partition, so the buffer stays
# from batch to batch; what is left when the process stops is written then.
class PageViewsConsumer < Karafka::BaseConsumer
  include Karafka::Consumers::Callbacks

  PORTION = 50

  before_stop :flush

  def consume
    @buffer ||= []
    params_batch.each do |params|
      @buffer << params
      flush if @buffer.size >= PORTION
    end
  end

  private

  def flush
    return if @buffer.nil? || @buffer.empty?

    Output.write("page_views", @buffer.map { |params| { "user" => params[:user], "page" => params["page"], "topic" => params.topic } })
    mark_as_consumed(@buffer.last)
    @buffer = []
  end
end
