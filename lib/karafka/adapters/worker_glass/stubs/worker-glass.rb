# frozen_string_literal: true

require "karafka/compat/worker-glass"
