# frozen_string_literal: true

# The names of Karafka's three generations that an application can call or name, from its public documentation and change
# logs. Each is there, or refused with words; a name that is neither, or has gone, fails here. What is only refused today
# moves up when it is built.
module KarafkaNames
  # Messages that objects answer to.
  THERE = {
    karafka: %i[env env= root core_root gem_root boot_file logger monitor producer version refresh! pro? rails?],
    app: %i[
      setup config routes consumer_groups subscription_groups boot! after_init initialized? initializing? running? quieting? quiet?
      stopping? stopped? terminated? supervising? done? reload assignments debug! run! stop! quiet! warmup env root logger monitor producer
    ],
    server: %i[run start stop quiet workers listeners id execution_mode],
    embedded: %i[start stop quiet],
    tags: %i[add delete clear to_a each],
    consumer: %i[
      messages params params_batch metadata batch_metadata topic partition producer producer= id tags inspect
      consume initialized eofed revoked shutdown tick wrap enhance_dlq_message
      insights inline_insights insights? inline_insights? statistics
      attempt retrying? revoked? used? eofed? errors_tracker collapsed? synchronize each seek_offset
      mark_as_consumed mark_as_consumed! commit_offsets commit_offsets! store_offset_metadata offset_metadata pause resume seek
      produce_sync produce_async produce_many_sync produce_many_async transaction dispatch_to_dlq respond_with
      call params_batch= pipe_async pipe_sync pipe_many_async pipe_many_sync trigger_heartbeat trigger_heartbeat!
    ],
    messages: %i[
      each first last size count length empty? to_a payloads raw_payloads metadata deserialize! map select group_by each_slice parsed parse!
    ],
    message: %i[
      payload raw_payload key raw_key headers raw_headers offset partition topic timestamp create_time received_at receive_time metadata
      deserialized? tombstone? deserializers
      clean! cleaned? [] []= fetch dig key? merge! merge except to_h to_hash to_json as_json each retrieve!
    ],
    message_metadata: %i[
      message timestamp create_time received_at receive_time headers raw_headers key raw_key offset deserializers partition topic
      deserializer is_control_record
    ],
    batch_metadata: %i[
      size batch_size first_offset last_offset deserializers partition topic created_at scheduled_at processed_at consumption_lag
      processing_lag highwater_mark_offset offset_lag unknown_last_offset? unknown_last_offset deserializer is_control_record
    ],
    errors_tracker: %i[each last first size empty? count all counts clear trace_id topic partition],
    group: %i[id name topics subscription_groups active? to_h],
    topic: %i[
      id name consumer consumer_class consumer_group subscription_group active? kafka max_messages max_wait_time initial_offset
      deserializer deserializers dead_letter_queue dead_letter_queue? manual_offset_management manual_offset_management?
      long_running_job long_running_job? eofed? to_h responder config consumer_persistence group declaratives declaratives?
      subscription_group_details active_job? inline_insights? inline_insights patterns? virtual_partitions? throttling? delaying?
      expiring? filtering? periodic_job?
    ],
    subscription_group: %i[
      id name topics kafka consumer_group consumer_group_id active? multiplexing? max_messages max_wait_time group group_id
    ],
    routes: %i[draw redraw reload active << each find map size empty? first last clear],
    monitor: %i[subscribe unsubscribe instrument notifications_bus listeners],
    bus: %i[register_event clear],
    event: %i[id payload [] to_h],
    producer: %i[
      produce_sync produce_async produce_many_sync produce_many_async buffer buffer_many flush_sync flush_async purge tombstone_sync
      tombstone_async tombstone_many_sync tombstone_many_async transaction with variant partition_count queue_size close close! monitor
      middleware idempotent? transactional? id config status setup disconnect
    ]
  }.freeze

  CONSTANTS = %w[
    Karafka::App Karafka::BaseConsumer Karafka::Server Karafka::Embedded Karafka::Process Karafka::Admin Karafka::BaseResponder
    Karafka::BaseController Karafka::Loader Karafka::Swarm Karafka::Swarm::Node
    Karafka::Consumers::Filter
    Karafka::Consumers::Callbacks Karafka::Messages::Message Karafka::Messages::Messages Karafka::Messages::Metadata
    Karafka::Messages::BatchMetadata Karafka::Messages::Seek Karafka::Deserializers::Payload Karafka::Deserializers::Key
    Karafka::Deserializers::Headers Karafka::Serializers::JSON::Deserializer Karafka::Serialization::Json::Deserializer
    Karafka::Serialization::Json::Serializer Karafka::Parsers::Json Karafka::Responders::Topic Karafka::Setup::AttributesMap
    Karafka::Routing::Topic Karafka::Routing::ConsumerGroup Karafka::Routing::SubscriptionGroup Karafka::Routing::ConsumerMapper
    Karafka::Routing::TopicMapper Karafka::Instrumentation::Monitor Karafka::Instrumentation::Monitor::EMPTY_HASH
    Karafka::Instrumentation::Notifications::EVENTS Karafka::Instrumentation::LoggerListener Karafka::Instrumentation::Listener
    Karafka::Instrumentation::StdoutListener Karafka::Instrumentation::ProctitleListener Karafka::Instrumentation::Logger
    Karafka::Errors::BaseError Karafka::Errors::InvalidConfigurationError Karafka::Errors::InvalidConfiguration
    Karafka::Errors::DeserializationError Karafka::Errors::ParserError Karafka::Errors::SerializationError
    Karafka::Errors::NonMatchingRouteError Karafka::Errors::MissingBootFileError Karafka::Errors::MissingBootFile
    Karafka::Errors::ForcefulShutdownError Karafka::Errors::InvalidResponderUsageError Karafka::Errors::InvalidResponderUsage
    Karafka::Errors::InvalidResponderMessageOptionsError Karafka::Errors::InvalidResponderMessageOptions
    Karafka::Errors::TopicNotFoundError Karafka::Errors::AssignmentLostError
    WaterDrop::Contracts::Message WaterDrop::Contracts::Config WaterDrop::Contracts::Tombstone WaterDrop::Contracts::Variant
    WaterDrop::Contracts::TransactionalOffset WaterDrop::Producer::Variant WaterDrop::Instrumentation::ClassMonitor WaterDrop::VERSION
    Karafka::Core::Monitoring::Monitor Karafka::Core::Monitoring::Notifications Karafka::Core::Monitoring::Event
    Rdkafka::Producer::DeliveryHandle Rdkafka::Producer::DeliveryReport Rdkafka::Config::ConfigError Rdkafka::Config::ClientCreationError
    WaterDrop::Producer WaterDrop::ConnectionPool WaterDrop::Middleware WaterDrop::AbortTransaction WaterDrop::SyncProducer
    WaterDrop::AsyncProducer WaterDrop::Message WaterDrop::Instrumentation::LoggerListener
    WaterDrop::Instrumentation::Monitor WaterDrop::Errors::BaseError
    WaterDrop::Errors::ProduceError WaterDrop::Errors::ProduceManyError WaterDrop::Errors::MessageInvalidError
    WaterDrop::Errors::ProducerClosedError WaterDrop::Errors::ProducerNotConfiguredError WaterDrop::Errors::ConfigurationInvalidError
    WaterDrop::Clients::Buffered WaterDrop::Clients::Dummy Rdkafka::RdkafkaError
    Karafka::ActiveJob::Consumer Karafka::ActiveJob::Deserializer Karafka::ActiveJob::CurrentAttributes
    Karafka::Instrumentation::Vendors::Datadog::MetricsListener Karafka::Instrumentation::Vendors::Datadog::LoggerListener
    Karafka::Instrumentation::Vendors::Datadog::MetricsListener::RdKafkaMetric
    WaterDrop::Instrumentation::Vendors::Datadog::MetricsListener
    WaterDrop::Instrumentation::Vendors::Datadog::MetricsListener::RdKafkaMetric
    Karafka::Instrumentation::Vendors::Kubernetes::LivenessListener Karafka::Instrumentation::Vendors::Kubernetes::SwarmLivenessListener
    Karafka::Instrumentation::Vendors::Appsignal::MetricsListener Karafka::Instrumentation::Vendors::Appsignal::ErrorsListener
  ].freeze

  # Refused: Karafka::NotYet::CONSTANTS, and these.
  REFUSED_CONSTANTS = %w[
    Karafka::Pro::Iterator Karafka::Pro::RecurringTasks Karafka::Pro::ScheduledMessages Karafka::Pro::Processing::Filters::Base
    Karafka::Contracts::ResponderUsage
  ].freeze

  # Settings of a topic, with arguments that are right.
  TOPIC = {
    active: [true], max_messages: [5], max_bytes: [5], max_wait_time: [5], initial_offset: ["latest"], consumer_persistence: [true],
    manual_offset_management: [true], eofed: [true], inline_insights: [true],
    kafka: [{ "fetch.min.bytes": 1, inherit: true }], deserializer: [proc {}],
    deserializers: [{ payload: proc {}, key: proc {}, headers: proc {} }], config: [{ partitions: 2, "cleanup.policy": "compact" }],
    dead_letter_queue: [{ topic: "dead", max_retries: 2, independent: true, transactional: false, dispatch_method: :produce_sync,
                          marking_method: :mark_as_consumed!, mark_after_dispatch: true }],
    # Those that are paid for in Karafka.
    long_running_job: [true], non_blocking_job: [true], non_blocking: [true], virtual_partitions: [{ partitioner: proc {
                                                                                                                  }, max_partitions: 4 }],
    throttling: [{ limit: 10, interval: 1_000 }], throttle: [{ limit: 10 }], delay_by: [1_000], delaying: [1_000], expire_in: [1_000],
    expiring: [1_000], pause: [{ timeout: 1, max_timeout: 10, with_exponential_backoff: true }], offset_metadata: [{ cache: false }],
    assign: [0, 1], swarm: [{ nodes: [0, 1] }], filter: [proc {}], periodic: [{ interval: 100 }], periodic_job: [true],
    # Of 1.x and 2016.
    parser: [Struct.new(:parse).new], batch_consuming: [true], batch_fetching: [true], batch_processing: [true], batch_mode: [true],
    backend: [:sidekiq], worker: [:SomeWorker], interchanger: [Karafka::Interchanger],
    inline_mode: [true], inline_processing: [true], persistent: [true], start_from_beginning: [true],
    max_bytes_per_partition: [1_000], group: [:another]
  }.freeze

  REFUSED_TOPIC = {
    adaptive_iterator: [{ active: true }],
    scheduled_messages: [true], delegate_to: [:a],
    parallel_segments: [{ count: 2 }], dead_letter_queue: [{ topic: "dead", strategy: proc {} }],
    virtual_partitions: [{ partitioner: proc {}, distribution: :consistent }]
  }.freeze

  # Calls in the routes.
  ROUTES = {
    "a topic" => proc { topic(:a) { consumer KarafkaNames::Plain } },
    "consumer groups, subscription groups" => proc {
      consumer_group(:g) { subscription_group(:s) { topic(:a) { consumer KarafkaNames::Plain } } }
    },
    "nameless subscription groups" => proc { subscription_group { topic(:a) { consumer KarafkaNames::Plain } } },
    "multiplexing" => proc {
      subscription_group(:s) do
        multiplexing(max: 3, min: 1, boot: 2, scale_delay: 60_000)
        topic(:a) { consumer KarafkaNames::Plain }
      end
    },
    "jobs" => proc {
      active_job_topic(:a) { long_running_job true }
      active_job_pattern(:p, /\Ab\./)
    },
    "patterns" => proc { pattern(:p, /\Aa\./) { consumer KarafkaNames::Plain } },
    "defaults with config" => proc {
      defaults { config(partitions: 5) }
      topic(:a) { consumer KarafkaNames::Plain }
    }
  }.freeze

  REFUSED_ROUTES = {
    recurring_tasks: [true], scheduled_messages: [:a]
  }.freeze

  CONFIG = %i[
    client_id group_id concurrency max_messages max_wait_time shutdown_timeout initial_offset consumer_persistence strict_topics_namespacing
    strict_declarative_topics logger monitor producer kafka pause admin swarm oauth worker_thread_priority
    pause_timeout pause_max_timeout pause_with_exponential_backoff deserializer
    backend topic_mapper consumer_mapper batch_fetching batch_consuming serializer name
  ].freeze

  # These raise UnsupportedFeatureError; the others say what to do instead, as InvalidConfigurationError.
  REFUSED_CONFIG = %i[encryption recurring_tasks scheduled_messages].freeze
  GONE_CONFIG = %i[license internal redis zookeeper connection_pool].freeze

  # Events of the documentation, as of 2.5.
  EVENTS = %w[
    active_job.consume active_job.consumed app.before_warmup app.initialized app.initializing app.quiet app.quieting app.running app.stopped
    app.stopping app.supervising app.terminated client.events_poll client.pause client.reset client.resume
    connection.listener.after_fetch_loop connection.listener.before_fetch_loop connection.listener.fetch_loop
    connection.listener.fetch_loop.received connection.listener.pending connection.listener.quiet connection.listener.quieting
    connection.listener.running connection.listener.starting connection.listener.stopped connection.listener.stopping
    consumer.before_schedule_consume consumer.before_schedule_eofed consumer.before_schedule_idle consumer.before_schedule_revoked
    consumer.before_schedule_shutdown consumer.before_schedule_tick consumer.consume consumer.consumed consumer.consuming.pause
    consumer.consuming.retry consumer.consuming.seek consumer.consuming.transaction consumer.eof consumer.eofed consumer.idle
    consumer.initialize consumer.initialized consumer.revoke consumer.revoked consumer.shutdown consumer.shutting_down consumer.tick
    consumer.ticked consumer.wrap consumer.wrapped dead_letter_queue.dispatched error.occurred filtering.seek filtering.throttled
    oauthbearer.token_refresh process.notice_signal rebalance.partitions_assign rebalance.partitions_assigned rebalance.partitions_revoke
    rebalance.partitions_revoked statistics.emitted swarm.manager.after_fork swarm.manager.before_fork swarm.manager.control
    swarm.manager.stopping swarm.manager.terminating swarm.node.after_fork worker.completed worker.process worker.processed
    worker.scaling.down worker.scaling.up recurring_tasks.task.executed consumers.responders.respond_with backends.sidekiq.process
    backends.sidekiq.base_worker.perform
  ].freeze

  # Keys of their payloads.
  PAYLOADS = {
    "error.occurred" => %i[caller error type seek_offset],
    "consumer.consumed" => %i[caller time],
    "statistics.emitted" => %i[subscription_group_id consumer_group_id statistics],
    "consumer.consuming.pause" => %i[caller topic partition offset timeout manual attempt],
    "consumer.consuming.retry" => %i[caller topic partition offset timeout attempt],
    "consumer.consuming.seek" => %i[caller topic partition message],
    "dead_letter_queue.dispatched" => %i[caller message],
    "connection.listener.fetch_loop" => %i[caller subscription_group messages_buffer time],
    "connection.listener.fetch_loop.received" => %i[caller subscription_group messages_buffer time],
    "app.initialized" => %i[caller],
    "client.pause" => %i[caller subscription_group topic partition offset],
    "client.resume" => %i[caller subscription_group topic partition],
    "client.events_poll" => %i[caller subscription_group],
    "connection.listener.running" => %i[caller subscription_group],
    "rebalance.partitions_assign" => %i[caller subscription_group_id subscription_group consumer_group_id consumer_group client_id tpl],
    "rebalance.partitions_revoke" => %i[caller subscription_group_id subscription_group consumer_group_id consumer_group client_id tpl],
    "rebalance.partitions_revoked" => %i[caller subscription_group_id subscription_group consumer_group_id consumer_group client_id tpl],
    "app.supervising" => %i[caller],
    "swarm.manager.before_fork" => %i[caller node],
    "swarm.manager.after_fork" => %i[caller node],
    "swarm.node.after_fork" => %i[caller node],
    "swarm.manager.stopping" => %i[caller node status],
    "swarm.manager.terminating" => %i[caller node],
    "swarm.manager.control" => %i[caller],
    "worker.completed" => %i[caller job],
    "process.notice_signal" => %i[caller signal],
    "worker.processed" => %i[caller job time],
    "rebalance.partitions_assigned" => %i[caller subscription_group_id subscription_group consumer_group_id consumer_group client_id tpl]
  }.freeze

  class Plain < Karafka::BaseConsumer
    def consume; end
  end
end
