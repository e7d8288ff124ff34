# frozen_string_literal: true

module WaterDrop
  # A wait of the engine holds its thread, and with a fiber scheduler (Falcon, the gem async) all other fibers of that thread would
  # stand still. There another thread waits, and the fiber waits for that one through the scheduler. That costs a thread for each
  # wait, so nobody else goes this way.
  module ScheduledWait
    class << self
      # @yieldreturn [Object] blocks the thread it runs on; must not ask which thread that is
      # @return [Object] what the block gave
      def call(&)
        Fiber.current_scheduler ? on_another_thread(&) : yield
      end

      private

      def on_another_thread(&)
        thread = Thread.new(&)
        thread.report_on_exception = false
        thread.name = "waterdrop.wait"
        thread.value
      ensure
        # Where the fiber was stopped, or a Timeout of its scheduler has raised.
        thread&.kill
      end
    end
  end
  private_constant :ScheduledWait
end
