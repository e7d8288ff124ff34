# frozen_string_literal: true

# The name of the file up to WaterDrop 1.x.
require_relative "waterdrop"
