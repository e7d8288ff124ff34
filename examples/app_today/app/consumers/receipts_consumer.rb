# frozen_string_literal: true

# Adds up the amounts, and writes the sum when the process stops or the partition goes to another process.
class ReceiptsConsumer < ApplicationConsumer
  def initialized
    @sum = 0
    @count = 0
  end

  def consume
    messages.pluck("amount").each { |amount| @sum += amount }
    @count += messages.size
    mark_as_consumed!(messages.last)
    report if @count >= Integer(ENV.fetch("REPORT_EVERY", "100"))
  end

  def revoked = report
  def shutdown = report

  private

  def report
    return if @count.zero?

    line = "#{{ "partition" => partition, "count" => @count, "sum" => @sum }.to_json}\n"
    (path = ENV.fetch("APP_OUTPUT", nil)) ? File.write(path, line, mode: "a") : $stdout.write(line)
    @sum = @count = 0
  end
end
