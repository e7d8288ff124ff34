# frozen_string_literal: true

module Racecar
  # The application of karafka-rs that a racecar process is: settings, and a route for each subscription.
  class Application
    # The engine's pauses have an upper limit always.
    LONGEST_PAUSE_MS = Karafka::Setup::Types::MOST
    private_constant :LONGEST_PAUSE_MS

    # @param config [Config]
    # @param work [Work]
    def initialize(config, work)
      @config = config
      @work = work
    end

    # Sets it up and draws its routes; nothing connects.
    # @return [void]
    # @raise [Karafka::Errors::InvalidConfigurationError]
    def prepare
      set_up
      draw
      # An application may have routes of karafka-rs besides; `karafka server` runs those.
      Karafka::App.routes.selection.include_only(:consumer_groups, [@config.group_id])
    end

    private

    def set_up
      ours = @config
      kafka = @config.consumer_kafka
      Karafka::App.setup do |config|
        config.kafka = kafka unless Karafka::App.initialized?
        config.client_id = ours.client_id
        config.logger = ours.logger
        # One instance, one batch at a time.
        config.concurrency = 1
        # A batch that runs is waited for, as long as it takes.
        config.shutdown_timeout = -1
        # So that Kafka does not forget the offsets of a group that has nothing to do.
        config.offset_recommit_interval = false unless ours.offset_commit_on_idle
      end
    end

    def draw
      delegate = Delegate.for(@work)
      subscriptions = @config.subscriptions
      settings = method(:settings)
      group_id = @config.group_id
      Karafka::App.routes.draw do
        consumer_group(group_id) do
          subscriptions.each do |subscription|
            # As librdkafka tells patterns from names.
            name = subscription.topic.start_with?("^") ? Regexp.new(subscription.topic) : subscription.topic
            topic(name) do
              consumer delegate
              settings.call(subscription).each { |setting, value| public_send(setting, value) }
            end
          end
        end
      end
    end

    def settings(subscription)
      start = subscription.start_from_beginning ? "earliest" : "latest"
      kafka = { "max.partition.fetch.bytes" => subscription.max_bytes_per_partition }.merge(subscription.additional_config || {})
      { initial_offset: start, new_partitions: start, kafka: { **@config.consumer_kafka, **kafka.transform_keys(&:to_s) },
        max_messages: @config.fetch_messages, max_wait_time: @work.batches? ? @config.max_wait_time_ms : 0,
        batch_consuming: @work.batches?, long_running_limit: (@config.max_poll_interval * 1_000).to_i, **pauses }
    end

    def pauses
      pause = [(@config.pause_timeout * 1_000).to_i, 1].max
      longest = @config.max_pause_timeout ? [(@config.max_pause_timeout * 1_000).to_i, pause].max : LONGEST_PAUSE_MS
      { pause_timeout: pause, pause_max_timeout: longest, pause_with_exponential_backoff: @config.pause_with_exponential_backoff }
    end
  end
end
