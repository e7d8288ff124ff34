# frozen_string_literal: true

# Loads the extension, which defines Karafka::Native; nothing else does.
Karafka::Extension.new.load
