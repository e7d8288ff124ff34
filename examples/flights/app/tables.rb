# frozen_string_literal: true

require "json"

# What all partitions of this process have added up, and a file that shows it to others.
class Tables
  def initialize(path)
    @path = path
    @mutex = Mutex.new
    @rows = @sent = @received = 0
    # [airport, airline] => [flights, flights with a known delay, sum of the delays in minutes]
    @delays = Hash.new { |all, key| all[key] = [0, 0, 0] }
    # airline => [late flights, sum of the delays, longest delay]
    @late = Hash.new { |all, key| all[key] = [0, 0, 0] }
  end

  # The first stage.
  def add(flights, sent)
    update do
      @began_at ||= now
      flights.each do |origin, carrier, delay|
        sum = @delays[[origin, carrier]]
        sum[0] += 1
        next unless delay

        sum[1] += 1
        sum[2] += delay
      end
      @rows += flights.size
      @sent += sent
      @ended_at = now
    end
  end

  # The second stage.
  def add_late(flights)
    update do
      flights.each do |carrier, delay|
        sum = @late[carrier]
        sum[0] += 1
        sum[1] += delay
        sum[2] = delay if delay > sum[2]
      end
      @received += flights.size
    end
  end

  private

  def update
    @mutex.synchronize do
      yield
      write
    end
  end

  def write
    return unless @path

    # Renamed, so that a reader never sees half a file.
    File.write("#{@path}.new", JSON.generate(
                                 "rows" => @rows, "seconds" => seconds, "sent" => @sent, "received" => @received,
                                 "delays" => @delays.map { |key, sum| [*key, *sum] }, "late" => @late
                               ))
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

TABLES = Tables.new(ENV.fetch("FLIGHTS_RESULT", nil))
