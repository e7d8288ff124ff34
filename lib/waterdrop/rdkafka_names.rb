# frozen_string_literal: true

# Loaded when one of these names is used. Where the gem rdkafka is loaded, its own classes stay.
WaterDrop::DeliveryHandle::WaitTimeoutError = Rdkafka::AbstractHandle::WaitTimeoutError
Rdkafka::Producer::DeliveryHandle = WaterDrop::DeliveryHandle
Rdkafka::Producer::DeliveryReport = WaterDrop::DeliveryReport
