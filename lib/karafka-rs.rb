# frozen_string_literal: true

# What Bundler requires for `gem "karafka-rs"`. By path, so that it can only ever load this gem's own karafka.rb.
require_relative "karafka"
