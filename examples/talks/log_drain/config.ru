# frozen_string_literal: true

require_relative "drain"

run Drain
