# frozen_string_literal: true

# Loads the extension, which defines Karafka::Native; nothing else does.
begin
  require "karafka_rs/karafka_rs"
rescue LoadError => e
  raise Karafka::Errors::ExtensionMissingError,
        "the compiled extension of karafka-rs cannot be loaded (#{e.message}). In a checkout run `rake compile`; " \
        "otherwise reinstall the gem: `gem pristine karafka-rs`."
end
