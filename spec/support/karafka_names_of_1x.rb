# frozen_string_literal: true

module KarafkaNames
  # Constants of 1.x, and what other gems build on in 2.x, from the same sources as the rest.
  CONSTANTS_OF_1X = %w[
    Karafka::Params::Params Karafka::Params::ParamsBatch Karafka::Params::Metadata Karafka::Params::BatchMetadata
    Karafka::Params::Builders::Params Karafka::Params::Builders::ParamsBatch Karafka::Params::Builders::Metadata
    Karafka::Params::Builders::BatchMetadata Karafka::AttributesMap Karafka::Routing::Router Karafka::Routing::Proxy
    Karafka::Routing::Features::Base Karafka::Responders::Builder Karafka::Helpers::ClassMatcher Karafka::Helpers::MultiDelegator
    Karafka::Helpers::Inflector Karafka::Helpers::Colorize Karafka::Cli::Base Karafka::Status
    Karafka::Contracts::Base Karafka::Contracts::Config Karafka::Contracts::Topic Karafka::Contracts::ConsumerGroupTopic
    Karafka::Contracts::ConsumerGroup Karafka::Contracts::ServerCliOptions Karafka::Schemas::Config Karafka::Schemas::ConsumerGroup
    Karafka::Errors::UnregisteredMonitorEvent Karafka::Errors::UnregisteredMonitorEventError Karafka::Errors::MissingClient
    Karafka::Errors::MissingClientError Karafka::Errors::ForcefulShutdown Karafka::Errors::NonMatchingTopicError
    Karafka::Errors::DuplicatedTopicError Karafka::Errors::DuplicatedGroupError Karafka::Errors::InvalidTopicName
    Karafka::Errors::InvalidGroupName Karafka::Errors::InvalidPauseTimeout Karafka::Errors::ResponderMissing
    Karafka::Errors::ResponderMissingError Karafka::Errors::IncompatibleTopicError Karafka::Errors::DependencyConstraintsError
    Karafka::Errors::CommandValidationError Karafka::Errors::UnsupportedOptionError
    WaterDrop::Errors::InvalidConfiguration WaterDrop::Errors::InvalidMessageOptions
    Karafka::Core::Contractable::Contract Karafka::Core::Contractable::Result
    Karafka::Interchanger Karafka::BaseInterchanger Karafka::Backends::Inline Karafka::Backends::Sidekiq
    Karafka::Workers::Builder Karafka::Errors::BaseWorkerDescentantMissing
  ].freeze
end
