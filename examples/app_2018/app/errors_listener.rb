# frozen_string_literal: true

# A listener: a method for each event it wants.
class ErrorsListener
  def on_error_occurred(event)
    Output.write("errors", [{ "type" => event[:type], "message" => event[:error].message }])
  end

  def on_app_stopped(_event)
    Output.write("stopped", [{}])
  end
end
