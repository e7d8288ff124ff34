# frozen_string_literal: true

require_relative "../errors"

# Applications rescue `Rdkafka::RdkafkaError` and look at its `code`. Where the gem rdkafka is there as well (it is not
# needed), its own class stays.
module Rdkafka
  RdkafkaError = Karafka::Errors::KafkaError unless const_defined?(:RdkafkaError, false)
end
