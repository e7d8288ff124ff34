# frozen_string_literal: true

class ApplicationConsumer < Karafka::BaseConsumer
end
