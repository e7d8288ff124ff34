# frozen_string_literal: true

class ChargeJob < ApplicationJob
  queue_as :charges
  karafka_options dispatch_method: :produce_sync, partitioner: ->(job) { job.arguments.first }

  def perform(customer, cents)
    raise ArgumentError, "#{cents} cents" if cents.negative?

    done("charged", customer, cents)
  end
end
