# frozen_string_literal: true

module Karafka
  # In a Rails application: every process knows what karafka.rb says, so that a web process can produce. Nothing is started.
  class Railtie < ::Rails::Railtie
    railtie_name :karafka

    config.after_initialize do
      file = Karafka.boot_file
      require file.to_s if ENV["KARAFKA_BOOT_FILE"] != "false" && file.file?
    end
  end
end
