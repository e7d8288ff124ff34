# frozen_string_literal: true

require "json"

# Sums of all partitions of this process, and a file that shows them to others.
class Delays
  def initialize(path)
    @path = path
    @mutex = Mutex.new
    @rows = 0
    # [airport, airline] => [flights, flights with a known delay, sum of the delays in minutes]
    @sums = Hash.new { |sums, key| sums[key] = [0, 0, 0] }
  end

  def add(flights)
    @mutex.synchronize do
      @began_at ||= now
      flights.each do |origin, carrier, delay|
        sum = @sums[[origin, carrier]]
        sum[0] += 1
        next unless delay

        sum[1] += 1
        sum[2] += delay
      end
      @rows += flights.size
      @ended_at = now
      write
    end
  end

  private

  def write
    return unless @path

    # Renamed, so that a reader never sees half a file.
    File.write("#{@path}.new", JSON.generate("rows" => @rows, "seconds" => seconds, "sums" => @sums.map { |key, sum| [*key, *sum] }))
    File.rename("#{@path}.new", @path)
  end

  # From the first batch to the last.
  def seconds
    @began_at ? @ended_at - @began_at : 0
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end

DELAYS = Delays.new(ENV.fetch("FLIGHTS_RESULT", nil))
