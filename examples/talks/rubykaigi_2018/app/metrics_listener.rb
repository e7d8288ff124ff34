# frozen_string_literal: true

# A listener of the monitor: a method for each event it wants.
class MetricsListener
  def on_consumers_responders_respond_with(event)
    puts "#{event[:caller].class} answered"
  end

  def on_error_occurred(event)
    puts "#{event[:type]}: #{event[:error].message}"
  end
end
