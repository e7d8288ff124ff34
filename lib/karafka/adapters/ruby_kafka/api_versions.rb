# frozen_string_literal: true

require "openssl"
require "socket"

module Kafka
  # Only what users of {Client#supports_api?} name.
  module Protocol
    PRODUCE_API = 0
    FETCH_API = 1
    LIST_OFFSET_API = 2
    TOPIC_METADATA_API = 3
    OFFSET_COMMIT_API = 8
    OFFSET_FETCH_API = 9
    FIND_COORDINATOR_API = 10
    JOIN_GROUP_API = 11
    HEARTBEAT_API = 12
    LEAVE_GROUP_API = 13
    SYNC_GROUP_API = 14
    DESCRIBE_GROUPS_API = 15
    LIST_GROUPS_API = 16
    SASL_HANDSHAKE_API = 17
    API_VERSIONS_API = 18
    CREATE_TOPICS_API = 19
    DELETE_TOPICS_API = 20
    INIT_PRODUCER_ID_API = 22
    ADD_PARTITIONS_TO_TXN_API = 24
    ADD_OFFSETS_TO_TXN_API = 25
    END_TXN_API = 26
    TXN_OFFSET_COMMIT_API = 28
    DESCRIBE_CONFIGS_API = 32
    ALTER_CONFIGS_API = 33
    CREATE_PARTITIONS_API = 37
  end

  # A request that a broker takes.
  ApiInfo = Struct.new(:api_key, :min_version, :max_version) do
    # @param version [Integer]
    # @return [Boolean]
    def version_supported?(version) = (min_version..max_version).cover?(version)
  end

  # Asks a broker which requests it takes: librdkafka knows, and does not tell. Brokers answer that before any login.
  # @api private
  class ApiVersions
    TIMEOUT = 10
    # Kafka's header of a request (key 18, version 0, number 1), and an answer's.
    HEADER = [18, 0, 1].pack("s>s>l>").freeze
    private_constant :TIMEOUT, :HEADER

    # @param settings [Hash{Symbol=>Object}] of librdkafka
    def initialize(settings)
      @settings = settings
    end

    # @return [Array<ApiInfo>]
    # @raise [ConnectionError] no broker has answered
    def ask
      error = nil
      @settings.fetch(:"bootstrap.servers").split(",").each do |address|
        return of(address)
      rescue SystemCallError, SocketError, IOError, OpenSSL::SSL::SSLError, ConnectionError => e
        error = e
      end
      raise error if error.is_a?(ConnectionError)

      raise ConnectionError, "no broker of #{@settings[:"bootstrap.servers"]} has answered: #{error.message}"
    end

    private

    def of(address)
      host, _, port = address.rpartition(":")
      socket = connected(host.delete("[]"), Integer(port))
      client = @settings[:"client.id"].to_s
      body = HEADER + [client.bytesize].pack("s>") + client
      socket.write([body.bytesize].pack("l>") + body)
      parse(read(socket, read(socket, 4).unpack1("l>")))
    ensure
      socket&.close
    end

    # The number of the request, an error, and an Array of three 16 bit numbers.
    def parse(answer)
      _, code, count = answer.unpack("l>s>l>")
      raise ConnectionError, "the broker has answered ApiVersions with the error #{code}" unless code.zero?

      answer.byteslice(10, count * 6).unpack("s>*").each_slice(3).map { |row| ApiInfo.new(*row) }
    end

    def read(socket, size)
      bytes = +""
      while bytes.bytesize < size
        raise ConnectionError, "no answer within #{TIMEOUT} s" unless ready?(socket)

        bytes << socket.readpartial(size - bytes.bytesize)
      end
      bytes
    end

    def ready?(socket)
      return true if socket.respond_to?(:pending) && socket.pending.positive?

      socket.to_io.wait_readable(TIMEOUT)
    end

    def connected(host, port)
      plain = Socket.tcp(host, port, connect_timeout: TIMEOUT)
      return plain unless @settings[:"security.protocol"].to_s.downcase.end_with?("ssl")

      encrypted(plain, host)
    end

    def encrypted(plain, host)
      context = OpenSSL::SSL::SSLContext.new
      context.set_params(cert_store: store, verify_hostname: @settings[:"ssl.endpoint.identification.algorithm"] != "none")
      if (certificate = @settings[:"ssl.certificate.pem"]) && (key = @settings[:"ssl.key.pem"])
        context.add_certificate(OpenSSL::X509::Certificate.new(certificate.to_s),
                                OpenSSL::PKey.read(key.to_s, @settings[:"ssl.key.password"].to_s))
      end
      socket = OpenSSL::SSL::SSLSocket.new(plain, context)
      socket.sync_close = true
      socket.hostname = host
      socket.connect
      socket
    end

    def store
      store = OpenSSL::X509::Store.new
      file = @settings[:"ssl.ca.location"].to_s
      pem = @settings[:"ssl.ca.pem"].to_s
      if !pem.empty? then OpenSSL::X509::Certificate.load(pem).each { |certificate| store.add_cert(certificate) }
      elsif file.empty? || file == "probe" then store.set_default_paths
      else
        file.split(",").each { |path| store.add_file(path) }
      end
      store
    end
  end
  private_constant :ApiVersions
end
