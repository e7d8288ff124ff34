# frozen_string_literal: true

require "karafka/compat/phobos"
Phobos::CLI.itself
