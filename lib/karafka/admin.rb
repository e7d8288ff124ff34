# frozen_string_literal: true

module Karafka
  # Administration of topics and groups.
  module Admin
    METHODS = %i[
      create_topic delete_topic create_partitions cluster_info topic_info read_topic read_watermark_offsets
      read_lags_with_offsets seek_consumer_group copy_consumer_group rename_consumer_group delete_consumer_group
      trigger_rebalance plan_topic_replication
    ].freeze
    private_constant :METHODS

    METHODS.each do |name|
      # @raise [Errors::UnsupportedFeatureError] always
      define_singleton_method(name) { |*, **| raise Errors::UnsupportedFeatureError.for("Karafka::Admin.#{name}") }
    end
  end
end
