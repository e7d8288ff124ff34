# frozen_string_literal: true

# All environments share a cluster: what the application calls `page_views` is `staging.page_views` in Kafka.
class EnvironmentMapper
  def initialize(environment)
    @prefix = "#{environment}."
  end

  def incoming(topic)
    topic.delete_prefix(@prefix)
  end

  def outgoing(topic)
    "#{@prefix}#{topic}"
  end
end
