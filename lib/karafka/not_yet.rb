# frozen_string_literal: true

module Karafka
  # What Karafka's surface has and this version has not. Using it raises {Errors::UnsupportedFeatureError}; nothing is
  # accepted and ignored. The one place: whoever builds a feature deletes its entry here.
  module NotYet
    # Settings of a topic, as methods in its block.
    TOPIC = %i[
      filter inline_insights periodic deserializing
      manual_offset_management_strategy scheduled_messages swarm
      adaptive_iterator delegate_to worker interchanger
    ].freeze

    # Methods of the routes, of a consumer group and of a subscription group, and options of the latter.
    GROUP = %i[
      active_job_topic active_job_pattern recurring_tasks scheduled_messages swarm
    ].freeze

    # Settings of the application.
    CONFIG = [:"oauth.token_provider_listener", :"backend :sidekiq", :strict_declarative_topics].freeze

    # Commands of the CLI.
    COMMANDS = {
      "topics" => "create and migrate the declared topics",
      "worker" => "start Sidekiq for `backend :sidekiq`",
      "swarm" => "run several server processes from one",
      "produce" => "send messages",
      "consume" => "print messages",
      "replay" => "process a range of offsets again",
      "doctor" => "check brokers, settings and groups"
    }.freeze

    # What to do instead, where there is something.
    HINTS = {
      produce: "Meanwhile use `Karafka.producer` in `karafka console`.",
      periodic: "`idle` of a consumer is called once nothing has come for `idle_after` ms.",
      filter: "`only` filters by key, headers and JSON fields.",
      "backend :sidekiq": "Use `backend :inline`, or enqueue the job from `consume`.",
      worker: "It belongs to `backend :sidekiq`.",
      interchanger: "It belongs to `backend :sidekiq`."
    }.freeze
    private_constant :HINTS

    # @param kind [:topic, :group, :config, :command]
    # @param name [Symbol, String]
    # @return [Errors::UnsupportedFeatureError]
    def self.error(kind, name)
      what = case kind
             when :topic then "The topic setting `#{name}`"
             when :group then "The routing setting `#{name}`"
             when :config then "The setting `config.#{name}`"
             when :command then "The command `#{name}`"
             end
      Errors::UnsupportedFeatureError.for(what, HINTS[name.to_sym])
    end
  end
end
