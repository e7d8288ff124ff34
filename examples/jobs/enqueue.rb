# frozen_string_literal: true

require_relative "karafka"

3.times { |index| %w[ann bob].each { |customer| ChargeJob.perform_later(customer, 100 + index) } }
ChargeJob.perform_later("eve", -1)
ReminderJob.perform_later("ann")
ReminderJob.perform_later("nobody", "unknown")
ReminderJob.set(wait: 2).perform_later("bob")
