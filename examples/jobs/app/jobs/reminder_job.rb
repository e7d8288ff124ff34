# frozen_string_literal: true

class ReminderJob < ApplicationJob
  retry_on IOError, wait: 1, attempts: 3
  discard_on KeyError

  # The first attempt fails, as mail servers do.
  def perform(customer, why = nil)
    raise IOError, "no connection" if executions == 1
    raise KeyError, "no such customer" if why == "unknown"

    done("reminded", customer, "in attempt", executions)
  end
end
