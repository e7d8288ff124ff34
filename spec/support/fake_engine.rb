# frozen_string_literal: true

# Stands in for Karafka::Engine: hands out the leases it is given, then ends when it is stopped.
class FakeEngine
  attr_reader :calls

  def initialize(*leases)
    @queue = Queue.new
    @calls = []
    leases.each { |lease| give(lease) }
  end

  def give(lease) = @queue << lease

  def take
    lease = @queue.pop
    raise lease if lease.is_a?(Exception)

    lease
  end

  def stop
    @calls << :stop
    @queue.close
  end

  def stop_within(_budget) = stop
  def retire(count) = count.times { @queue << nil }
  def retain(_count) = 0
  def enter_worker(_index) = nil
  def leave_worker = nil
  def show_to(_observer) = nil
  def start = @calls << :start
  def force_stop = @calls << :force_stop
  def quiet = @calls << :quiet
  def state = { leases: [], groups: [], quiet: @calls.include?(:quiet) }
  def waiting = @queue.num_waiting

  def join(_timeout_ms)
    @calls << :join
    true
  end

  def events(_timeout_ms)
    sleep 0.01
    @queue.closed? ? nil : []
  end
end
