# frozen_string_literal: true

# What code written for racecar and phobos names, from their public documentation. Each has an example in the specs of its adapter.
module RacecarNames
  RACECAR = %w[
    subscribes_to start_from_beginning max_bytes_per_partition additional_config group_id max_wait_time fetch_messages parallel_workers
    on_partitions_assigned on_partitions_revoked process process_batch produce deliver! teardown statistics_callback heartbeat
    topic partition offset key headers value create_time retries_count
    group_id_prefix pause_timeout pause_with_exponential_backoff on_error offset_commit_interval session_timeout max_poll_interval
    message_timeout synchronous_commits max_bytes partition_assignment_strategy partitioner statistics_interval liveness_probe_enabled
    liveness_probe_file_path liveness_probe_max_interval RACECAR_LIVENESS_PROBE_SKIP_CONFIG_FILES brokers client_id sasl_password
    RACECAR_BROKERS config/racecar.yml config/racecar.rb --require -r -l --log --daemonize --pidfile
    status stop liveness_probe racecarctl racecar:install racecar:consumer racecar/heroku
    produce_sync produce_async wait_for_delivery USR1 KingKonf::ConfigError
    process_message.racecar process_batch produce_message.racecar acknowledged_message.racecar deliver_messages.racecar join_group
    leave_group pause_status consumer.messages consumer.time_lag producer.ack.messages
  ].freeze

  PHOBOS = %w[
    Phobos::Handler consume around_consume Phobos::BatchHandler consume_batch around_consume_batch BatchMessage start stop
    Phobos::Producer publish async_publish publish_list async_publish_list async_producer_shutdown sync_producer_shutdown kafka_client
    configure_kafka_client Phobos::Listener message batch inline_batch max_concurrency force_encoding backoff Phobos::Executor
    Phobos.configure add_listeners create_exponential_backoff create_kafka_client EchoHandler silence_log custom_logger
    init -c -b -l --skip-config retry_count AbortError Instrumentation.subscribe Instrumentation.unsubscribe
    start_handler process_message process_batch process_batch_inline retry_handler_error retry_handler_error_batch retry_aborted
    stopping stop_handler executor.stop executor.retry_listener_error Phobos::Test::Helper process_message
  ].freeze

  ROOT = File.expand_path("../..", __dir__)

  # @param library [String] "racecar" or "phobos"
  # @param names [Array<String>]
  # @return [Array<String>] those that no example has
  def self.without_example(library, names)
    paths = Dir.glob("spec/{unit/adapters/#{library}/**/*_spec.rb,kafka/#{library}_spec.rb}", base: ROOT)
    text = paths.map { |path| File.read(File.join(ROOT, path)).gsub(/^\s*#.*/, "") }.join("\n").tr("_-", "__").downcase
    names.uniq.reject { |name| text.match?(/(?<![a-z_])#{Regexp.escape(name.tr("-", "_").downcase)}(?![a-z])/) }
  end
end
