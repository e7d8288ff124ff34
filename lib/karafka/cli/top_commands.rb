# frozen_string_literal: true

module Karafka
  module Cli
    # Names, options and help texts of `karafka top` and `karafka status`.
    module TopCommands
      private

      def top_commands
        desc "top [URL|SOCKET…]", "Show live what is the matter with running processes, their groups, partitions and workers"
        long_desc <<~TEXT
          Asks processes over HTTP: those of config.http of this directory's application, or those that are named. The token is the
          application's, or KARAFKA_HTTP_TOKEN of the environment. The keys are in the last line of the screen.
          Exit status with --once: 0 no problem, 2 a problem, 3 no problem found, but not every process answers.
          Examples: karafka top; karafka top app-1:9394 app-2:9394; karafka top --once --json tmp/http.sock
        TEXT
        option :once, type: :boolean, desc: "Print it once; needs no terminal"
        looking_options
        define_method(:top) { |*addresses| TopCommand.new(addresses, options).call }

        desc "status [URL|SOCKET…]", "Print once what is the matter with running processes; the exit status says whether there is a problem"
        long_desc <<~TEXT
          The same as `karafka top --once`. Exit status: 0 no problem, 2 a problem, 3 no problem found, but not every process answers.
          Example: karafka status || echo look
        TEXT
        looking_options
        define_method(:status) { |*addresses| TopCommand.new(addresses, options.merge(once: true)).call }
      end

      # From when on the next command calls something a problem.
      def looking_options
        option :json, type: :boolean, desc: "The states of the processes, a line each (docs/state.schema.json), once"
        option :interval, type: :numeric, banner: "SECONDS", desc: "Between two looks (2); one alone is no window"
        option :stuck, type: :numeric, banner: "SECONDS", desc: "A batch that gets no further for this long is stuck (60)"
        option :behind, type: :numeric, banner: "SECONDS", desc: "A topic that is this late and does not catch up is a problem (300)"
      end
    end
  end
end
