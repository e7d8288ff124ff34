# frozen_string_literal: true

require "puma/plugin"
require "karafka"

# `plugin :karafka` in config/puma.rb: what the routes say is consumed in the process that serves requests, or in each worker of
# a cluster, from its boot to its end.
Puma::Plugin.create do
  # @param launcher [Puma::Launcher]
  # @return [void]
  def start(launcher)
    events = launcher.events
    events.register(:state) { |state| await_notifier if %i[stop halt restart].include?(state) }
    on(events, :before_restart, :on_restart) { end_consuming }
    on(events, :after_stopped, :on_stopped) { end_consuming }
    return on(events, :after_booted, :on_booted) { begin_consuming } unless launcher.config.options[:workers].to_i.positive?

    # Here and not in `config`: there the number of workers is not known yet, and without any Puma warns of hooks like these.
    launcher.config.configure do |dsl|
      on(dsl, :before_worker_boot, :on_worker_boot) { begin_consuming }
      on(dsl, :before_worker_shutdown, :on_worker_shutdown) { end_consuming }
    end
  end

  private

  # Puma 7 has other names.
  def on(target, name, former, &)
    target.public_send(target.respond_to?(name) ? name : former, &)
  end

  # A worker that does not preload boots before its application is loaded.
  def begin_consuming
    Karafka::Cli::Boot.load! if Karafka::Cli::Boot.available?
    Karafka::Embedded.start
    @consuming = Process.pid
    # Ctrl-C is no event.
    at_exit { end_consuming }
  end

  # Puma's thread learns of its end by a pipe, which it closes then. On Ruby 3.3 and 3.4 that close hangs forever where the writer, such
  # as the trap of Ctrl-C, has not returned from its write yet (Puma's issue 3677, with this plugin or without). So the writer gets
  # its turn first: for a second at most, as it does nothing else there.
  def await_notifier
    give_up = Karafka::Clock.now + 1
    sleep(0.001) while notifying? && Karafka::Clock.now < give_up
  end

  # @return [Boolean] whether a thread still tells Puma's
  def notifying?
    (Thread.list - [Thread.current]).any? do |thread|
      thread.backtrace_locations&.any? { |location| location.base_label == "notify_safely" }
    end
  end

  # Once, and not for the process that this one was forked from.
  def end_consuming
    return unless @consuming == Process.pid

    @consuming = nil
    Karafka::Embedded.stop
  end
end
