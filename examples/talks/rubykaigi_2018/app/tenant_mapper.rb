# frozen_string_literal: true

# Hosted Kafka puts the name of the account before each topic: what the application calls `orders` is `shop.orders` there.
class TenantMapper
  def initialize(tenant)
    @prefix = "#{tenant}."
  end

  def incoming(topic)
    topic.delete_prefix(@prefix)
  end

  def outgoing(topic)
    "#{@prefix}#{topic}"
  end
end
