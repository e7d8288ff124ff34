# frozen_string_literal: true

module Karafka
  module Messages
    # A place to seek to or to mark, where there is no message at hand.
    # `offset` is an Integer, a Time, :earliest or :latest.
    Seek = Struct.new(:topic, :partition, :offset) # rubocop:disable Lint/StructNewOverride -- the names are Karafka's
  end
end
