# frozen_string_literal: true

module Karafka
  # In a Rails application: every process knows what karafka.rb says, so that a web process can produce. Nothing is started.
  class Railtie < ::Rails::Railtie
    railtie_name :karafka

    config.before_configuration { OnRails::Environment.follow }

    config.after_initialize do
      OnRails::ErrorReports.follow
      BootFile.load_in_rails { OnRails::Environment.check! }
    end
  end
end
