# frozen_string_literal: true

# Stands in for the staging application: tells what it was asked for.
#   puma --bind tcp://127.0.0.1:9393 staging.ru
$stdout.sync = true

run(lambda do |env|
  puts "#{Process.clock_gettime(Process::CLOCK_MONOTONIC)} #{env["REQUEST_METHOD"]} #{env["PATH_INFO"]}"
  [200, {}, []]
end)
