# frozen_string_literal: true

# Sends messages: `ruby -r karafka/compat/delivery_boy signups.rb COUNT`
require "delivery_boy"
require "json"

Dir.chdir(__dir__)
topic = ENV.fetch("SIGNUPS_TOPIC", "signups")
count = Integer(ARGV.fetch(0, 10))

# In each process of a prefork server, and in its threads; what is in the background is sent before the process ends.
pids = Array.new(2) do |worker|
  fork do
    threads = Array.new(2) do |half|
      Thread.new do
        (count / 2).times do |number|
          event = { worker: worker, number: (number * 2) + half }
          DeliveryBoy.deliver(event.merge(kind: "awaited").to_json, topic: topic, key: "worker-#{worker}") if (number % 10).zero?
          DeliveryBoy.deliver_async(event.merge(kind: "background").to_json, topic: topic, key: "worker-#{worker}")
        end
      end
    end
    threads.each(&:join)
  end
end
pids.each { |pid| Process.wait(pid) }
