# frozen_string_literal: true

Racecar.configure do |config|
  config.brokers = ENV["RACECAR_BROKERS"] if ENV["RACECAR_BROKERS"]
  config.on_error do |error, info|
    Racecar.logger.error("#{info[:topic]}/#{info[:partition]} at #{info[:offset]}: #{error.message}")
  end
end
