# frozen_string_literal: true

module Karafka
  class Engine
    # What this process shows of itself: probes, metrics and state, over HTTP where `config.http` says so, and metrics for an agent
    # where `config.statsd` does. Threads of the extension do it, so they do while Ruby's lock is held.
    class Observer
      # How long the end of the HTTP server may take, ms. It waits for nobody.
      CLOSE_MS = 2_000
      private_constant :CLOSE_MS

      # @return [String, nil] the address that it answers at, such as "http://127.0.0.1:9394"
      attr_reader :url
      # @return [String, nil] path of the socket that it answers at
      attr_reader :socket

      # @param http [Setup::Config::Http]
      # @param id [String, nil] of the process
      # @param node [Integer, nil] of a swarm
      # @param statsd [Setup::Config::Statsd]
      def initialize(http = App.config.http, id: nil, node: App.config.swarm.node&.id, statsd: App.config.statsd)
        @http = http
        @statsd = statsd
        @id = id
        @node = node
        @native = Native::Observer.new(settings)
      end

      # From now on it shows this engine.
      # @param engine [Engine]
      # @return [void]
      def watch(engine)
        engine.show_to(@native)
      end

      # Answers from now on, where `config.http` names a port or a socket, and sends metrics where `config.statsd` names an agent. Where
      # the block raises, it does not any more.
      # @return [void]
      # @raise [Errors::InvalidConfigurationError] the port or the socket cannot be had
      def serve
        listen if @http.on?
        yield
        @native.report(@statsd.to_native(@node)) if @statsd.on?
        begun = true
      ensure
        close unless begun
      end

      # @return [void]
      def close
        @native.close(CLOSE_MS)
      end

      # @param open_metrics [Boolean] in the format OpenMetrics 1.0 instead of Prometheus' 0.0.4
      # @return [String]
      def metrics(open_metrics: false)
        @native.metrics(open_metrics)
      end

      # @param summary [Boolean] without partitions
      # @return [String] JSON, see docs/state.schema.json
      def state(summary: false)
        @native.state(summary)
      end

      # @return [String] JSON: what a probe of liveness gets
      def live = @native.live

      # @return [String] JSON: what a probe of readiness gets
      def ready = @native.ready

      # Answers the engine's question where the workers are.
      # @param question [Integer]
      # @param workers [Enumerable<Worker>]
      # @return [void]
      def give_backtraces(question, workers)
        lines = workers.to_h { |worker| [worker.index, Text.backtrace(worker.thread)] }
        @native.give_backtraces(question, lines)
      end

      # Answers the engine's question for the application's own metrics.
      # @param question [Integer]
      # @return [void]
      def give_app_metrics(question)
        text = registry_text.dup.force_encoding(Encoding::UTF_8).scrub
        @native.give_app_metrics(question, text.empty? || text.end_with?("\n") ? text : "#{text}\n")
      rescue StandardError => e
        Instrumentation::Safely.error(e, "http.registry.error", caller: self)
        @native.give_app_metrics(question, "# The application's metrics are missing: config.http.registry raised #{e.class}.\n")
      end

      private

      # One of the gem prometheus-client, or whatever gives the text itself.
      def registry_text
        registry = @http.registry
        registry.respond_to?(:call) ? registry.call.to_s : ::Prometheus::Client::Formats::Text.marshal(registry)
      end

      def listen
        host, port, @socket = @native.serve
        @url = "http://#{host.include?(":") ? "[#{host}]" : host}:#{port}" if port
        without = " (/v1 is refused until config.http.token is set)" unless state?
        Karafka.logger.info("Answers HTTP at #{[@url, @socket].compact.join(" and ")}#{without}")
      end

      def settings
        {
          port: port, bind: @http.bind, socket: socket_path, token: @http.token&.to_s, ready_lag: @http.ready_lag,
          polling_ttl_ms: @http.polling_ttl, consuming_ttl_ms: @http.consuming_ttl, events_ttl_ms: @http.events_ttl,
          partition_metrics: @http.partition_metrics, app_metrics: !@http.registry.nil?, process: process, versions: versions
        }
      end

      # Each node of a swarm has a port of its own.
      def port
        port = @http.port
        port.nil? || port.zero? || @node.nil? ? port : port + @node
      end

      def socket_path
        @http.socket && Setup::SocketPath.of(@http.socket, node: @node, setting: "config.http.socket")
      end

      def process
        facts = { "id" => @id.to_s, "host" => Etc.uname.fetch(:nodename), "client_id" => App.config.client_id }
        @node ? facts.merge("node" => @node.to_s) : facts
      end

      def versions
        { "karafka_rs" => VERSION, "ruby" => RUBY_VERSION, "librdkafka" => Engine.librdkafka_version }
      end

      def state?
        @http.token || @url.nil? || @http.loopback?
      end
    end
  end
end
