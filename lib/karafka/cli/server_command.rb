# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka server`
    class ServerCommand
      # @param options [Hash{String=>Object}]
      def initialize(options)
        @options = options
      end

      # @return [Integer] exit status
      # @raise [Errors::BaseError]
      def call
        refuse_daemon
        runtime = new_runtime
        Karafka::Server::Signals.while_booting(runtime) do
          Boot.load!
          select
          with_pid_file { status(run(runtime)) }
        end
      end

      private

      def new_runtime = Runtime.new

      def run(runtime)
        Karafka::Server.run(runtime)
      end

      def status(result)
        case result
        when Integer then result
        when false then FAILED
        else OK
        end
      end

      def refuse_daemon
        return unless @options["daemon"]

        raise Errors::CommandError, "--daemon of Karafka 1.x is not supported: it would hide the log and the exit status. " \
                                    "Let systemd or a container run `karafka server`, or use `nohup karafka server &`."
      end

      def select
        selection = App.routes.selection
        Routing::Selection::KINDS.each_key do |kind|
          selection.include_only(kind, names(kind.to_s) + names("include_#{kind}"))
          selection.exclude(kind, names("exclude_#{kind}"))
        end
        selection.validate!(App.routes.topics)
      end

      # Both `--topics a b` and `--topics a,b`. An empty name, as of a variable that is not set, would select everything.
      def names(option)
        given = @options[option] or return []
        names = Array(given).flat_map { |value| value.split(",") }.map(&:strip)
        return names if names.any? && names.none?(&:empty?)

        raise Errors::CommandError, "--#{option.tr("_", "-")} is given without a name (#{Array(given).join(" ").inspect}). Name what " \
                                    "it selects, or leave the option out."
      end

      def with_pid_file
        path = @options["pid"]
        return yield unless path

        path = File.expand_path(path)
        write_pid(path)
        begin
          yield
        ensure
          # Another process may have written its own meanwhile.
          File.delete(path) if File.exist?(path) && File.read(path).to_i == ::Process.pid
        end
      end

      def write_pid(path)
        refuse_running(path)
        File.write(path, ::Process.pid.to_s)
      rescue SystemCallError => e
        raise Errors::CommandError, "cannot use the pid file: #{e.message}"
      end

      def refuse_running(path)
        pid = File.exist?(path) ? File.read(path).to_i : 0
        return unless pid.positive? && pid != ::Process.pid

        ::Process.kill(0, pid)
        raise Errors::CommandError, "#{path} says that process #{pid} runs already. Stop it, or delete the file."
      rescue Errno::ESRCH
        nil # left behind by a process that is gone
      end
    end
  end
end
