# frozen_string_literal: true

require "karafka/compat/phobos"
Phobos::Test.itself
