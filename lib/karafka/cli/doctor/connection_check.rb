# frozen_string_literal: true

module Karafka
  module Cli
    module Doctor
      # Whether each address answers, as this machine sees it: those of "bootstrap.servers", and those that the brokers advertise. And
      # whether a client with the application's settings gets through.
      class ConnectionCheck < Check
        ADVERTISED = "advertised.listeners of that broker name it: let them name an address that this machine can reach, or let this " \
                     "machine resolve and reach that one"
        CAUSES = {
          unresolved: "the name cannot be resolved", refused: "nothing listens there", silent: "the host does not answer",
          other: "what listens there does not answer as Kafka does"
        }.freeze
        REACHED = "is that broker up, is the address right, and does a firewall let this machine through?"
        WITHOUT_TLS = { "ssl" => "plaintext", "sasl_ssl" => "sasl_plaintext" }.freeze
        PORT = 9_092
        private_constant :ADVERTISED, :CAUSES, :REACHED, :WITHOUT_TLS, :PORT

        # @return [void]
        def call
          given = bootstrap
          answers = probe(given)
          given.each { |address| judge(address, answers[address], "\"bootstrap.servers\"", nil) }
          # A client would only say the same later.
          answers.values.any? { |answer| answer.state == :kafka } ? brokers(answers) : cluster.lose
        end

        private

        def brokers(answers)
          # With a login only a client gets them.
          listed = answers.values.filter_map(&:brokers).first
          return cluster.lose if listed && advertised(listed, answers).none?

          brokers = ask_cluster(seen: !listed.nil?) or return
          advertised(brokers.map { |broker| broker.values_at(:broker_id, :broker_name, :broker_port) }, answers) unless listed
          missing(brokers.map { |broker| broker[:broker_id] })
        end

        # @return [Array<Array(String, Integer)>]
        def bootstrap
          cluster.kafka.brokers.split(",").map { |server| split(server.strip.sub(%r{\A\w+://}, "")) }.uniq
        end

        def split(server)
          host, port = server.match(/\A(\[[^\]]+\]|[^:]+)(?::(\d+))?\z/)&.captures
          host ? [host.delete("[]"), (port || PORT).to_i] : [server, PORT]
        end

        def protocol = (cluster.kafka[:"security.protocol"] || "plaintext").to_s.downcase
        def tls? = protocol.end_with?("ssl")

        def mechanism
          (cluster.kafka[:"sasl.mechanism"] || cluster.kafka[:"sasl.mechanisms"] || "GSSAPI").to_s if protocol.start_with?("sasl")
        end

        # All at once: each may take its whole time.
        def probe(addresses)
          threads = addresses.to_h do |address|
            probe = Probe.new(*address, tls: tls?, mechanism: mechanism, seconds: cluster.patience / 2.0)
            [address, Thread.new { probe.call }]
          end
          threads.transform_values(&:value)
        end

        # @param seen [Boolean] whether the advertised addresses were looked at already
        def ask_cluster(seen:)
          cluster.info.brokers
        rescue Errors::KafkaError => e
          cluster.lose
          cause = cause_of(e)
          # A broker's own address, that it was found by "bootstrap.servers" at least.
          address, id, rest = cause.match(%r{\A(\S+:\d+)/(\d+): (.*)\z})&.captures
          return no_client(cause) unless id

          error("#{address} (advertised by broker #{id})", rest.sub(/\. Is Kafka running.*/, ""), ADVERTISED) unless seen
          nil
        end

        # @return [nil] as no broker is known
        def no_client(cause)
          step = if BuiltInBroker.at?(cluster.kafka.brokers)
                   "set \"bootstrap.servers\" to a real one"
                 else
                   "the cause says what keeps the client away: compare \"security.protocol\", and the settings of TLS and SASL, with " \
                     "those of the listener"
                 end
          error("the cluster", cause, step)
          nil
        end

        # Without what was done meanwhile, which is always the same.
        def cause_of(error) = error.message.sub(/\A.*? ms: /, "").sub(/ \(timed_out\)\z/, "")

        # @return [Array<Boolean>] of each broker, whether Kafka answers at its address
        def advertised(brokers, known)
          addresses = brokers.to_h { |id, host, port| [[host, port], id] }
          answers = known.merge(probe(addresses.keys - known.keys))
          cluster.heard(addresses.to_h { |address, id| [id, answers[address].requests] })
          addresses.map do |address, id|
            judge(address, answers[address], "advertised by broker #{id}", ADVERTISED) unless known[address]
            answers[address].state == :kafka
          end
        end

        def judge(address, answer, whose, advice)
          return if answer.state == :kafka

          cause, step = mismatch(answer) || ["#{CAUSES.fetch(answer.state)} (#{answer.text})", advice || REACHED]
          error("#{address.join(":")} (#{whose})", cause, step)
        end

        # Something answers, and expects another protocol.
        def mismatch(answer)
          mine = "\"security.protocol\" is \"#{protocol}\""
          case answer.state
          when :tls then ["that is a TLS port, and #{mine}", "set \"ssl\", or \"sasl_ssl\" with a login, or name a port without TLS"]
          when :plain then ["that port does not speak TLS, and #{mine}",
                            "set \"#{WITHOUT_TLS.fetch(protocol)}\", or name the port of a TLS listener"]
          when :login then ["that port wants a login (SASL), and #{mine}",
                            "set \"sasl_#{protocol}\", \"sasl.mechanism\", \"sasl.username\" and \"sasl.password\""]
          when :no_login then ["that port takes no login (SASL), and #{mine}",
                               "set \"#{protocol.delete_prefix("sasl_")}\", or name the port of a SASL listener"]
          when :mechanism then ["the broker offers #{answer.text}, and \"sasl.mechanism\" is \"#{mechanism}\"", "set one that it offers"]
          end
        end

        # A broker that has ended is not advertised any more; its replicas still name it.
        def missing(ids)
          partitions = cluster.info.topics.flat_map { |topic| topic[:partitions] }
          gone = partitions.flat_map { |partition| partition[:replicas] - ids }.tally
          gone.sort.each do |id, count|
            error("broker #{id}", "it is not part of the cluster now, and #{count} #{count == 1 ? "partition has" : "partitions have"} a " \
                                  "replica on it",
                  "start it again, or look at its log; `karafka topics health` shows what cannot be written meanwhile")
          end
        end
      end
    end
  end
end
