# frozen_string_literal: true

require "karafka/active_job"
require "support/testing_kit"

RSpec.describe Karafka::ActiveJob::Consumer do
  include TestingKit

  before { application { active_job_topic :default } }

  ["1", "[]", "{}", nil].each do |payload|
    it "says of #{payload.inspect} that it is no job" do
      consumer = karafka.consumer_for(:default)
      karafka.produce(payload)
      expect { karafka.run(consumer) }
        .to raise_error(Karafka::Errors::DeserializationError, "default/0@0 is no job: it names no job_class")
    end
  end
end
